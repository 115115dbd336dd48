import uuid

import django.db.models.constraints
import django.db.models.deletion
import django.db.models.functions.comparison
from django.conf import settings
from django.db import migrations, models

import sartiq.core.models


class Migration(migrations.Migration):
    replaces = [
        ("media", "0001_initial"),
        ("media", "0002_indexes_by_owner"),
        ("media", "0003_indexes_of_keys"),
        ("media", "0004_environment_identity"),
        ("media", "0005_turns_by_owner"),
        ("media", "0006_thumbnails"),
        ("media", "0007_outages"),
        ("media", "0008_deletions_pinned_to_an_etag"),
        ("media", "0009_reconcile_reports"),
        ("media", "0010_index_of_failed_deletions"),
        ("media", "0011_trash"),
        ("media", "0012_indexes_of_trash"),
        ("media", "0013_empty_trash_before_reversal"),
    ]

    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="EnvironmentIdentity",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("is_only", models.BooleanField(default=True, editable=False, unique=True)),
                ("proven_settings", models.CharField(blank=True, editable=False, max_length=64)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("is_only", True)), name="media_environment_only_row"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="MediaResource",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=sartiq.core.models.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("lease_holder", models.UUIDField(editable=False, null=True)),
                ("lease_expires_at", models.DateTimeField(editable=False, null=True)),
                ("lease_fence", models.PositiveIntegerField(default=0, editable=False)),
                ("attempts", models.PositiveIntegerField(default=0, editable=False)),
                ("run_after", models.DateTimeField(blank=True, default=None, null=True)),
                ("unavailable_since", models.DateTimeField(editable=False, null=True)),
                ("sent_at", models.DateTimeField(editable=False, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
                ("deleted_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "resource_type",
                    models.CharField(
                        choices=[
                            ("IMAGE", "Image"),
                            ("VIDEO", "Video"),
                            ("AUDIO", "Audio"),
                            ("DOCUMENT", "Document"),
                            ("ARCHIVE", "Archive"),
                        ],
                        max_length=16,
                    ),
                ),
                ("storage_key", models.CharField(max_length=255)),
                ("content_hash", models.CharField(max_length=64, verbose_name="SHA-256")),
                ("etag", models.CharField(max_length=128)),
                ("content_type", models.CharField(max_length=100)),
                ("extension", models.CharField(max_length=8)),
                ("file_size", models.PositiveBigIntegerField()),
                ("width", models.PositiveIntegerField(blank=True, null=True)),
                ("height", models.PositiveIntegerField(blank=True, null=True)),
                ("dominant_color", models.CharField(blank=True, max_length=7, null=True)),
                ("color_profile", models.CharField(blank=True, max_length=255, null=True)),
                (
                    "duration",
                    models.FloatField(blank=True, null=True, verbose_name="duration in seconds"),
                ),
                ("alt_text", models.CharField(blank=True, max_length=1000, null=True)),
                ("caption", models.CharField(blank=True, max_length=2000, null=True)),
                (
                    "has_thumbnail",
                    models.BooleanField(db_default=False, default=False, editable=False),
                ),
                ("protected", models.BooleanField(default=False)),
                (
                    "status",
                    models.CharField(
                        choices=[("PENDING", "Pending"), ("READY", "Ready"), ("FAILED", "Failed")],
                        default="PENDING",
                        max_length=16,
                    ),
                ),
                ("failure_code", models.CharField(blank=True, max_length=64)),
                (
                    "copied_from",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="media.mediaresource",
                    ),
                ),
                ("unattached_at", models.DateTimeField(blank=True, null=True)),
                ("ready_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["created_at", "id"],
                "abstract": False,
                "indexes": [
                    models.Index(
                        condition=models.Q(("deleted_at__isnull", True)),
                        fields=["organization", "created_at", "id"],
                        name="media_resource_live_of_org",
                    ),
                    models.Index(
                        condition=models.Q(
                            ("organization__isnull", True), ("deleted_at__isnull", True)
                        ),
                        fields=["user", "created_at", "id"],
                        name="media_resource_live_of_user",
                    ),
                    models.Index(
                        condition=models.Q(("deleted_at__isnull", False)),
                        fields=["organization", "created_at", "id"],
                        name="media_resource_trash_org",
                    ),
                    models.Index(
                        condition=models.Q(
                            ("organization__isnull", True), ("deleted_at__isnull", False)
                        ),
                        fields=["user", "created_at", "id"],
                        name="media_resource_trash_user",
                    ),
                    models.Index(
                        condition=models.Q(("deleted_at__isnull", False)),
                        fields=["deleted_at"],
                        name="media_resource_trash_age",
                    ),
                    models.Index(
                        condition=models.Q(("status", "PENDING")),
                        fields=["run_after"],
                        name="media_resource_pending",
                    ),
                    models.Index(
                        condition=models.Q(("unattached_at__isnull", False)),
                        fields=["unattached_at"],
                        name="media_resource_unattached",
                    ),
                    models.Index(
                        django.db.models.functions.comparison.Coalesce(
                            "organization_id", "user_id"
                        ),
                        models.F("created_at"),
                        condition=models.Q(("status", "PENDING")),
                        name="media_resource_turns",
                    ),
                    models.Index(fields=["content_hash"], name="media_resource_hash"),
                    models.Index(fields=["storage_key"], name="media_resource_storage_key"),
                    models.Index(
                        condition=models.Q(("status", "FAILED")),
                        fields=["id"],
                        name="media_resource_failed",
                    ),
                    models.Index(
                        condition=models.Q(
                            ("has_thumbnail", False),
                            ("resource_type", "IMAGE"),
                            ("status", "READY"),
                        ),
                        fields=["id"],
                        name="media_resource_no_thumbnail",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("organization__isnull", False),
                            models.Q(("status", "FAILED"), _negated=True),
                        ),
                        fields=("organization", "content_hash"),
                        name="media_resource_once_per_organization",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("organization__isnull", True),
                            models.Q(("status", "FAILED"), _negated=True),
                        ),
                        fields=("user", "content_hash"),
                        name="media_resource_once_per_user",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["PENDING", "READY", "FAILED"])),
                        name="media_resource_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("failure_code__gt", ""), ("status", "FAILED")),
                            models.Q(
                                models.Q(("status", "FAILED"), _negated=True), ("failure_code", "")
                            ),
                            _connector="OR",
                        ),
                        name="media_resource_failure_has_code",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Attachment",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=sartiq.core.models.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "resource",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="attachments",
                        to="media.mediaresource",
                    ),
                ),
                ("entity_type", models.CharField(max_length=32)),
                ("entity_id", models.UUIDField()),
                ("slot", models.CharField(max_length=32)),
                ("position", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("entity_deleted_at", models.DateTimeField(blank=True, editable=False, null=True)),
            ],
            options={
                "ordering": ["created_at", "id"],
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("position__isnull", True)),
                        fields=("entity_type", "entity_id", "slot"),
                        name="media_attachment_single_slot",
                    ),
                    models.UniqueConstraint(
                        deferrable=django.db.models.constraints.Deferrable["DEFERRED"],
                        fields=("entity_type", "entity_id", "slot", "position"),
                        name="media_attachment_list_slot",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ObjectDeletion",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=sartiq.core.models.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("lease_holder", models.UUIDField(editable=False, null=True)),
                ("lease_expires_at", models.DateTimeField(editable=False, null=True)),
                ("lease_fence", models.PositiveIntegerField(default=0, editable=False)),
                ("attempts", models.PositiveIntegerField(default=0, editable=False)),
                ("run_after", models.DateTimeField(blank=True, default=None, null=True)),
                ("unavailable_since", models.DateTimeField(editable=False, null=True)),
                ("sent_at", models.DateTimeField(editable=False, null=True)),
                (
                    "bucket",
                    models.CharField(
                        choices=[("PUBLIC", "Public"), ("PRIVATE", "Private")],
                        default="PUBLIC",
                        max_length=8,
                    ),
                ),
                ("key", models.CharField(max_length=1024)),
                ("etag", models.CharField(blank=True, db_default="", default="", max_length=128)),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("RELOCATED", "Moved to its canonical key"),
                            ("DEDUPLICATED", "The same bytes were already stored"),
                            ("REFUSED", "Refused at ingest"),
                            ("REJECTED", "The copy failed verification"),
                            ("EXPIRED", "Never used by a resource"),
                            ("ORPHANED", "No longer attached to anything"),
                            ("REPLACED", "Replaced or removed by staff"),
                            ("UNKNOWN", "No row names it; approved by staff"),
                        ],
                        max_length=16,
                    ),
                ),
                ("last_error", models.CharField(blank=True, max_length=255)),
                ("last_attempted_at", models.DateTimeField(blank=True, null=True)),
                ("dead", models.BooleanField(default=False)),
            ],
            options={
                "ordering": ["created_at", "id"],
                "abstract": False,
                "indexes": [
                    models.Index(
                        condition=models.Q(("dead", False)),
                        fields=["run_after"],
                        name="media_deletion_due",
                    ),
                    models.Index(fields=["key"], name="media_deletion_key"),
                    models.Index(
                        condition=models.Q(("dead", True)),
                        fields=["id"],
                        name="media_deletion_given_up",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("dead", False)),
                        fields=("bucket", "key"),
                        name="media_deletion_once_per_object",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ReconcileReport",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=sartiq.core.models.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("RUNNING", "Running"),
                            ("COMPLETED", "Completed"),
                            ("STOPPED", "Stopped: too many files are missing"),
                            ("ABANDONED", "Abandoned for a new pass"),
                        ],
                        default="RUNNING",
                        max_length=16,
                    ),
                ),
                ("cursor", models.CharField(blank=True, max_length=1024)),
                ("row_cursor", models.CharField(blank=True, max_length=1024)),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("only_counts", models.BooleanField(default=False)),
                (
                    "rows_expected",
                    models.PositiveBigIntegerField(default=0, verbose_name="files at the start"),
                ),
                (
                    "max_lost",
                    models.PositiveBigIntegerField(default=0, verbose_name="lost files allowed"),
                ),
                ("objects_compared", models.PositiveBigIntegerField(default=0)),
                ("rows_compared", models.PositiveBigIntegerField(default=0)),
                (
                    "missing",
                    models.PositiveBigIntegerField(default=0, verbose_name="files missing"),
                ),
                (
                    "changed",
                    models.PositiveBigIntegerField(default=0, verbose_name="files changed"),
                ),
                (
                    "failed",
                    models.PositiveBigIntegerField(
                        default=0, verbose_name="files marked as failed"
                    ),
                ),
                (
                    "returned",
                    models.PositiveBigIntegerField(default=0, verbose_name="files found again"),
                ),
                (
                    "recorded",
                    models.PositiveBigIntegerField(default=0, verbose_name="unknown objects"),
                ),
                (
                    "reported",
                    models.PositiveBigIntegerField(
                        default=0, verbose_name="unknown objects to approve"
                    ),
                ),
                ("reported_bytes", models.PositiveBigIntegerField(default=0)),
                ("samples", models.JSONField(blank=True, default=dict)),
                ("confirmed_lost", models.PositiveBigIntegerField(blank=True, null=True)),
                ("approved_at", models.DateTimeField(blank=True, null=True)),
                (
                    "approved_by",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "approved",
                    models.PositiveBigIntegerField(
                        default=0, verbose_name="unknown objects queued for deletion"
                    ),
                ),
            ],
            options={
                "ordering": ["created_at", "id"],
                "abstract": False,
                "indexes": [
                    models.Index(fields=["started_at"], name="media_reconcile_started"),
                    models.Index(fields=["state", "started_at"], name="media_reconcile_state"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "RUNNING")),
                        fields=("state",),
                        name="media_reconcile_one_running",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["RUNNING", "COMPLETED", "STOPPED", "ABANDONED"])
                        ),
                        name="media_reconcile_state_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="UnknownObject",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=sartiq.core.models.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("key", models.CharField(max_length=1024, unique=True)),
                ("etag", models.CharField(max_length=128)),
                ("size", models.PositiveBigIntegerField()),
                ("last_modified", models.DateTimeField()),
                ("recorded_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField(db_index=True)),
                (
                    "report",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="unknown_objects",
                        to="media.reconcilereport",
                    ),
                ),
            ],
            options={
                "ordering": ["created_at", "id"],
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Upload",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=sartiq.core.models.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
                ("key", models.CharField(max_length=255, unique=True)),
                ("filename", models.CharField(max_length=255)),
                ("folder", models.CharField(blank=True, max_length=255)),
                ("content_type", models.CharField(max_length=100)),
                ("declared_size", models.PositiveBigIntegerField(blank=True, null=True)),
                ("sha256", models.CharField(blank=True, max_length=64)),
                ("expires_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("ISSUED", "Issued"),
                            ("CLAIMED", "Claimed"),
                            ("CONSUMED", "Consumed"),
                            ("EXPIRED", "Expired"),
                        ],
                        default="ISSUED",
                        max_length=16,
                    ),
                ),
                ("refusal", models.CharField(blank=True, max_length=64)),
                ("etag", models.CharField(blank=True, max_length=128)),
                (
                    "resource",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="uploads",
                        to="media.mediaresource",
                    ),
                ),
            ],
            options={
                "ordering": ["created_at", "id"],
                "abstract": False,
                "indexes": [
                    models.Index(
                        fields=["organization", "created_at", "id"], name="media_upload_of_org"
                    ),
                    models.Index(
                        condition=models.Q(("organization__isnull", True)),
                        fields=["user", "created_at", "id"],
                        name="media_upload_of_user",
                    ),
                    models.Index(fields=["state", "created_at"], name="media_upload_state_created"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["ISSUED", "CLAIMED", "CONSUMED", "EXPIRED"])
                        ),
                        name="media_upload_state_known",
                    )
                ],
            },
        ),
    ]
