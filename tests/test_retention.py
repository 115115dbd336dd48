"""Every table is managed by its owners, bounded, or cleaned up after a configured period."""

from typing import Final

from django.apps import apps
from django.conf import settings

from sartiq.celery import app

OWNED: Final = "customers or staff create and delete these rows"
ENTITIES: Final = ("product", "subject", "look", "guideline", "productionrequest")
ACCOUNT_MODELS: Final = ("user", "organization", "membership")

KEPT_TABLES: Final[dict[str, str]] = {
    **{f"catalog.{name}": OWNED for name in (*ENTITIES, "loramodel")},
    **{f"accounts.{name}": OWNED for name in ACCOUNT_MODELS},
    "catalog.look_products": OWNED,
    "catalog.productionrequest_looks": OWNED,
    "bulkupload.slotword": OWNED,
    "exports.exportconfiguration": OWNED,
    "auth.group": OWNED,
    "auth.group_permissions": OWNED,
    "accounts.user_groups": OWNED,
    "accounts.user_user_permissions": OWNED,
    "media.attachment": "it goes with its entity, or when its file is replaced",
    "media.mediaresource": "the cleanup discards it a day after its last attachment has gone",
    "media.objectdeletion": "it goes with its object; staff retry those that were given up",
    "media.environmentidentity": "one row",
    "media.unknownobject": "it goes with its object, or once a pass no longer finds that",
    "exports.metadataadaptervisibility": "one row for each adapter",
    "exports.metadataadaptervisibility_organizations": "adapters times organizations",
    "auth.permission": "bounded by the code",
    "contenttypes.contenttype": "bounded by the code",
    "axes.accessfailurelog": "never written (AXES_DISABLE_ACCESS_LOG)",
    "axes.accesslog": "never written (AXES_DISABLE_ACCESS_LOG)",
    "axes.accessattemptexpiration": "it goes with its attempt",
}

# The setting that says how long, and the periodic task that deletes.
CLEANED_TABLES: Final[dict[str, tuple[str, str]]] = {
    "core.event": ("EVENT_RETENTION_DAYS", "core.maintain_event_partitions"),
    "core.idempotencykey": ("", "core.discard_old_rows"),  # 24 h, which the API promises
    "admin.logentry": ("EVENT_RETENTION_DAYS", "core.discard_old_rows"),
    "sessions.session": ("SESSION_COOKIE_AGE", "core.discard_old_rows"),
    "token_blacklist.outstandingtoken": ("SIMPLE_JWT", "core.discard_old_rows"),
    "token_blacklist.blacklistedtoken": ("SIMPLE_JWT", "core.discard_old_rows"),
    "axes.accessattempt": ("SIGN_IN_FAILURE_RETENTION_DAYS", "core.discard_old_rows"),
    "media.reconcilereport": ("", "media.reconcile"),  # `passes.RETENTION`: one row a day
    "media.upload": ("UPLOAD_RETENTION_DAYS", "media.discard_old_uploads"),
    "exports.exportrun": ("EXPORT_RETENTION_DAYS", "exports.discard_expired"),
    "exports.exportitem": ("EXPORT_RETENTION_DAYS", "exports.discard_expired"),
    **{
        f"bulkupload.{name}": ("IMPORT_RETENTION_DAYS", "bulkupload.discard_old_jobs")
        for name in (
            "bulkuploadjob",
            "bulkuploadchunk",
            "bulkuploadrowerror",
            "bulkuploadmediabatch",
            "bulkuploadmedia",
            "bulkuploadmediabatch_remotes",
            "photobatch",
            "photofile",
        )
    },
    "bulkupload.remoteimage": ("REMOTE_IMAGE_RETENTION_DAYS", "bulkupload.discard_old_jobs"),
}


def test_every_table_has_a_reason_to_be_kept_or_is_cleaned_up() -> None:
    models = {model._meta.label_lower for model in apps.get_models(include_auto_created=True)}

    assert models == KEPT_TABLES.keys() | CLEANED_TABLES.keys()
    assert KEPT_TABLES.keys().isdisjoint(CLEANED_TABLES)


def test_every_period_is_a_setting_and_every_task_is_scheduled() -> None:
    scheduled_tasks = {entry["task"] for entry in app.conf.beat_schedule.values()}

    names = {name for name, _ in CLEANED_TABLES.values()} - {""}
    tasks = {task for _, task in CLEANED_TABLES.values()}

    assert [name for name in names if not hasattr(settings, name)] == []
    assert tasks <= scheduled_tasks
