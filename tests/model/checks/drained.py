"""What is true once faults have ended, time has passed and all work is done (L01-L08)."""

from collections import Counter
from typing import Final

from tests.model.environment import database
from tests.model.environment.setup import Environment
from tests.model.state import Job, State

# Rows that are waiting for work.
WAITING_QUERIES: Final = {
    "resources": "SELECT id::text FROM media_mediaresource WHERE status = 'PENDING'",
    "deletions": "SELECT key FROM media_objectdeletion WHERE NOT dead",
    "imports": (
        "SELECT id::text FROM bulkupload_bulkuploadjob WHERE status IN ('QUEUED', 'RUNNING')"
    ),
    "exports": "SELECT id::text FROM exports_exportrun WHERE status IN ('QUEUED', 'RUNNING')",
}
# Rows that the cleanups should have finished or deleted.
LEFTOVER_QUERIES: Final = {
    "L01: an upload is in no final state": (
        "SELECT key FROM media_upload WHERE state NOT IN ('CONSUMED', 'EXPIRED')"
    ),
    "L04: a deletion was given up early": (
        "SELECT key FROM media_objectdeletion WHERE dead AND attempts <> 8"
    ),
    "L06: a resource without attachments was kept": (
        "SELECT r.id::text FROM media_mediaresource r WHERE NOT r.protected"
        " AND r.deleted_at IS NULL AND r.status <> 'PENDING'"
        " AND NOT EXISTS (SELECT FROM media_attachment a WHERE a.resource_id = r.id)"
    ),
}
_PRIVATE_KEYS_SQL: Final = (
    "SELECT source_key FROM bulkupload_bulkuploadjob"
    " UNION SELECT rows_key FROM bulkupload_bulkuploadjob WHERE rows_key <> ''"
    " UNION SELECT archive_key FROM exports_exportrun WHERE status LIKE 'COMPLETED%'"
)
CRASHES_TO_GIVE_UP: Final = 5


def waiting() -> dict[str, str]:
    """Return the rows that still have work to do."""
    parts = [f"SELECT '{name}', t.* FROM ({sql}) t" for name, sql in WAITING_QUERIES.items()]
    return dict(database.select(" UNION ALL ".join(parts)))


def check(environment: Environment, state: State) -> None:
    """Assert what is true once the cleanups have done their work."""
    parts = [f"SELECT '{name}', t.* FROM ({sql}) t" for name, sql in LEFTOVER_QUERIES.items()]
    leftover_rows = database.select(" UNION ALL ".join(parts))
    assert not leftover_rows, leftover_rows
    _check_public(environment, state)
    _check_private(environment)
    _check_failures(environment, state)
    for job in state.jobs:
        _check_job(environment, job)


def _check_public(environment: Environment, state: State) -> None:
    """L02 and L03: the bucket has the objects that rows refer to, and no others."""
    keys = set(environment.public.objects())
    rows = database.select(
        "SELECT id::text, status, extension, has_thumbnail FROM media_mediaresource"
    )
    needed, tolerated = set(), {*state.unknown_keys, *_given_up()}
    for pk, status, extension, has_thumbnail in rows:
        file, thumbnail = f"media/{pk}/file.{extension}", f"media/{pk}/thumb.webp"
        tolerated |= {thumbnail} if status == "READY" else {file, thumbnail}
        needed |= {file} if status == "READY" else set()
        needed |= {thumbnail} if status == "READY" and has_thumbnail else set()
    assert needed <= keys, f"L02: missing objects {needed - keys}"
    strays = keys - needed - tolerated
    assert not strays, f"L02, L03: objects that nothing needs {strays}"


def _check_private(environment: Environment) -> None:
    keys = set(environment.private.objects()) - _given_up()
    expected_keys = {key for (key,) in database.select(_PRIVATE_KEYS_SQL)}
    assert keys == expected_keys, f"L02: private objects {keys ^ expected_keys}"


def _given_up() -> set[str]:
    return {key for (key,) in database.select("SELECT key FROM media_objectdeletion WHERE dead")}


def _check_failures(environment: Environment, state: State) -> None:
    """L01: every failure code is explained by something that a rule did."""
    codes: Counter[str] = Counter()
    sql = "SELECT failure_code FROM media_mediaresource WHERE status = 'FAILED'"
    codes.update(code for (code,) in database.select(sql))
    interruptions = environment.crashes.died + environment.crashes.paused
    explained = {
        "source_changed": state.event_counts["re-put"] > 0,
        "source_missing": state.event_counts["lost"] > 0
        or (state.event_counts["re-put"] > 0 and state.event_counts["heal"] > 0),
        "object_missing": state.event_counts["lost"] > 0,
        "object_changed": state.event_counts["lost"] > 0,
        "attempts_exhausted": interruptions >= CRASHES_TO_GIVE_UP,
        "store_unavailable": environment.faults.raised > 0,
    }
    unexplained = [code for code in codes if not explained.get(code)]
    assert not unexplained, f"L01: resources failed without a reason: {unexplained}"


def _check_job(environment: Environment, job: Job) -> None:
    """L05: an accepted job has ended, and a completed import has its products once each."""
    rows = database.select(f"SELECT status FROM {job.table} WHERE id = %s", job.pk)
    assert rows, f"L05: {job.table} {job.pk} is gone"
    if job.skus and rows[0][0] == "COMPLETED":
        product_rows = database.select(
            "SELECT sku FROM catalog_product WHERE sku = ANY(%s::text[])"
            " AND coalesce(organization_id, user_id) = %s AND deleted_at IS NULL ORDER BY sku",
            sorted(job.skus),
            environment.tenants.owner_id(job.scope),
        )
        assert [sku for (sku,) in product_rows] == sorted(job.skus), (
            f"L05: products of import {job.pk}"
        )


def differences(environment: Environment) -> tuple[int, int, int]:
    """L08: return how many rows lost their object, how many have another, and unknown objects."""
    objects = environment.public.objects()
    rows = database.select(
        "SELECT id::text, status, extension, storage_key, file_size, etag FROM media_mediaresource"
    )
    deletion_keys = {key for (key,) in database.select("SELECT key FROM media_objectdeletion")}
    known_keys, missing_count, changed_count = set(deletion_keys), 0, 0
    for pk, status, extension, storage_key, size, etag in rows:
        key = f"media/{pk}/file.{extension}"
        known_keys |= {key, f"media/{pk}/thumb.webp", storage_key}
        if status == "READY" and key not in objects:
            missing_count += 1
        elif status == "READY":
            changed_count += (objects[key].size, objects[key].etag) != (size, etag)
    unknown_keys = [key for key in objects if key.startswith("media/") and key not in known_keys]
    return missing_count, changed_count, len(unknown_keys)
