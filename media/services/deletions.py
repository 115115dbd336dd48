"""Deletion of objects: queued in the transaction that stops using them, done after commit."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from media import enqueue, selectors
from media.errors import (
    ForeignEnvironmentError,
    ObjectNotFoundError,
    StoreRefusedError,
    StoreUnavailableError,
)
from media.models import (
    Bucket,
    DeletionReason,
    MediaResource,
    ObjectDeletion,
    Upload,
    UploadState,
)
from media.rules import keys
from media.services.environment import require_own_environment
from media.storage import ObjectStore, private_store, public_store
from sartiq.core.models import new_id
from sartiq.core.work import leases
from sartiq.core.work.crash_points import crash_point
from sartiq.core.work.holders import new_holder

log = structlog.get_logger(__name__)

MAX_DELETION_ATTEMPTS = 8
FIRST_RETRY_DELAY = timedelta(seconds=10)
MAX_RETRY_DELAY = timedelta(hours=6)
DELETION_BATCH_SIZE = 1000  # keys in one bulk delete
REFUSED = "refused"
CHANGED = "changed"
NEEDED_RETRY_DELAY = timedelta(minutes=5)  # until an object still in use is checked again
MAX_HEADS = 8  # at a time

# One statement for any number of rows; `bulk_create` has a parameter for each value.
_INSERT = """
INSERT INTO media_objectdeletion (
    id, created_at, updated_at, bucket, key, etag, reason, run_after,
    last_error, dead, lease_fence, attempts
)
SELECT id, statement_timestamp(), statement_timestamp(), %s, key, etag, %s,
    statement_timestamp() + %s::int * interval '1 second', '', false, 0, 0
FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS object (id, key, etag)
ON CONFLICT DO NOTHING
"""


def queue(
    object_keys: Iterable[str],
    *,
    reason: DeletionReason,
    bucket: Bucket = Bucket.PUBLIC,
    after: timedelta | None = None,
    etags: Mapping[str, str] | None = None,
    notify_workers: bool = True,
) -> None:
    """Queue objects for deletion in the caller's transaction, unless they are queued already.

    They are not deleted before the delay `after`, nor with another ETag than the one in `etags`.
    Without `notify_workers` they wait for the next run of the periodic task.
    """
    names = sorted(set(object_keys))
    if not names:
        return
    expected = [(etags or {}).get(name, "") for name in names]
    ids = [new_id() for _ in names]
    delay = None if after is None else int(after.total_seconds())
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [bucket, reason, delay, ids, names, expected])
    if notify_workers:
        enqueue.delete_objects()


def refuse_uploads(codes: Mapping[str, str]) -> None:
    """Expire uploads whose bytes were rejected and queue their objects for deletion."""
    with transaction.atomic():
        rows = Upload.objects.select_for_update().filter(key__in=codes, state=UploadState.ISSUED)
        for upload in rows.order_by("key"):
            upload.state, upload.refusal = UploadState.EXPIRED, codes[upload.key]
            upload.save(update_fields=["state", "refusal", "updated_at"])
            queue([upload.key], reason=DeletionReason.REFUSED)


def perform_due() -> int:
    """Delete due objects, at most a batch of each bucket; return the size of the largest batch.

    Failed calls are retried with growing delays. After eight attempts the row is given up, until
    staff run it again. Objects that a row still needs are left alone, and nothing is deleted in a
    bucket of another environment.
    """
    return _perform(ObjectDeletion.objects.due())


def perform(deletion_id: UUID) -> None:
    """Delete one queued object if it is due."""
    _perform(ObjectDeletion.objects.due().filter(pk=deletion_id))


def _perform(rows: QuerySet[ObjectDeletion]) -> int:
    """Delete a batch of `rows` of each bucket; return the size of the largest batch."""
    if not _may_delete():
        return 0
    return max(_delete_batch(bucket, rows.filter(bucket=bucket)) for bucket in Bucket)


def _delete_batch(bucket: Bucket, rows: QuerySet[ObjectDeletion]) -> int:
    holder = new_holder()
    batch = _take(rows, holder)
    needed = _needed(bucket, batch)
    held = ObjectDeletion.objects.filter(lease_holder=holder)
    _release(held, needed, after=NEEDED_RETRY_DELAY)
    unneeded = [row for row in batch if row not in needed]
    if unneeded:
        crash_point("deletions-selected")
        errors = _delete_unchanged(_store(bucket), unneeded)
        crash_point("objects-deleted")
        finished = [row.pk for row in unneeded if row.key not in errors]
        held.filter(pk__in=finished).delete()
        _record_failures(held, [row for row in unneeded if row.key in errors], errors)
    return len(batch)


def _take(rows: QuerySet[ObjectDeletion], holder: UUID) -> list[ObjectDeletion]:
    """Take the lease of one batch of rows, skipping those that another worker has locked."""
    with transaction.atomic():
        locked = rows.order_by("run_after").select_for_update(skip_locked=True)
        batch = list(locked[:DELETION_BATCH_SIZE])
        ObjectDeletion.objects.filter(pk__in=[row.pk for row in batch]).update(
            **leases.take_values(holder)
        )
    if batch:
        crash_point("lease-taken")
    for row in batch:
        row.attempts += 1
    return batch


def _needed(bucket: Bucket, rows: Collection[ObjectDeletion]) -> set[ObjectDeletion]:
    """Return the rows whose object a resource or an upload still needs."""
    if bucket != Bucket.PUBLIC or not rows:
        return set()
    temporary = [row.key for row in rows if row.key.startswith("temp/")]
    sources = Upload.objects.needing_bytes(temporary).values_list("key", flat=True)
    unknown = [row.key for row in rows if row.reason == DeletionReason.UNKNOWN]
    in_use = {
        *(sources if temporary else ()),
        *(selectors.keys_of_resources(unknown) if unknown else ()),
    }
    return _needed_by_resource(rows) | {row for row in rows if row.key in in_use}


def _needed_by_resource(rows: Collection[ObjectDeletion]) -> set[ObjectDeletion]:
    """Return the rows whose object a usable resource needs.

    Of the keys with the id of a resource, it needs only its own: an object in another format is
    unknown. A thumbnail object whose row has no thumbnail was left by a crash and is not needed.
    """
    object_keys = {row.key for row in rows}
    ids = [pk for key in object_keys if (pk := keys.resource_id_of(key))]
    owned = Q(storage_key__in=object_keys) | Q(pk__in=ids)
    usable = MediaResource.with_deleted.usable().filter(owned)
    fields = ("pk", "storage_key", "extension", "resource_type")
    in_use = {key for row in usable.only(*fields) for key in row.own_keys | {row.storage_key}}
    lacking = usable.lacking_thumbnail().values_list("pk", flat=True)
    leftover_keys = {keys.thumbnail_key(pk) for pk in lacking}
    return {row for row in rows if row.key in in_use - leftover_keys}


def _release(
    held: QuerySet[ObjectDeletion], rows: Collection[ObjectDeletion], *, after: timedelta
) -> None:
    """Release rows without counting the attempt, to be taken again after a delay."""
    if rows:
        held.filter(pk__in=[row.pk for row in rows]).update(
            **leases.release_values(after=after, count_attempt=False)
        )


def _may_delete() -> bool:
    """Return whether the buckets belong to this environment; otherwise deletions stay queued."""
    try:
        require_own_environment()
    except (ForeignEnvironmentError, StoreUnavailableError) as error:
        log.warning("deletions_refused", reason=error.detail)
        return False
    return True


def _store(bucket: Bucket) -> ObjectStore:
    return public_store() if bucket == Bucket.PUBLIC else private_store()


def _delete_unchanged(store: ObjectStore, rows: Collection[ObjectDeletion]) -> dict[str, str]:
    """Delete the objects that are still the ones to delete; return the errors by key."""
    pinned = [row for row in rows if row.etag]
    results: dict[str, str | None] = {}
    if pinned:
        with ThreadPoolExecutor(max_workers=min(MAX_HEADS, len(pinned))) as pool:
            changes = pool.map(lambda row: _change_of(store, row), pinned)
            results = {row.key: change for row, change in zip(pinned, changes, strict=True)}
    for key in [key for key, change in results.items() if change == CHANGED]:
        log.warning("deletion_dropped", key=key, reason="The object was replaced.")
    unchanged = [row.key for row in rows if results.get(row.key) is None]
    errors = {key: change for key, change in results.items() if change not in {None, CHANGED}}
    return {key: error for key, error in errors.items() if error} | _delete(store, unchanged)


def _change_of(store: ObjectStore, row: ObjectDeletion) -> str | None:
    """Return CHANGED for an object with another ETag than the row's, or the error of the store."""
    try:
        head = store.head(row.key)
    except ObjectNotFoundError:
        return None
    except StoreRefusedError:
        return REFUSED
    except StoreUnavailableError as error:
        return error.detail
    return None if head.etag == row.etag else CHANGED


def _delete(store: ObjectStore, object_keys: list[str]) -> dict[str, str]:
    """Delete objects in one call; return the errors by key."""
    if not object_keys:
        return {}
    try:
        failures = store.delete_many(object_keys)
    except StoreRefusedError:
        return dict.fromkeys(object_keys, REFUSED)
    except StoreUnavailableError as error:
        return dict.fromkeys(object_keys, error.detail)
    return {failure.key: f"{failure.code} {failure.message}".strip() for failure in failures}


def _record_failures(
    held: QuerySet[ObjectDeletion], rows: Iterable[ObjectDeletion], errors: Mapping[str, str]
) -> None:
    """Record the errors, with one statement for all rows with the same error and attempts."""
    groups: defaultdict[tuple[str, int], list[UUID]] = defaultdict(list)
    for row in rows:
        groups[errors[row.key], row.attempts].append(row.pk)
    for (error, attempts), ids in groups.items():
        refused = error == REFUSED  # wrong credentials: the attempt is not counted
        held.filter(pk__in=ids).update(
            last_error=error[:255],
            last_attempted_at=Now(),
            dead=attempts >= MAX_DELETION_ATTEMPTS and not refused,
            updated_at=Now(),
            **leases.release_values(after=retry_delay(attempts), count_attempt=not refused),
        )


def retry_delay(attempts: int) -> timedelta:
    """Return the delay after `attempts` failures: doubling from 10 s up to 6 h."""
    doublings: int = 2 ** min(max(attempts - 1, 0), 20)
    return min(FIRST_RETRY_DELAY * doublings, MAX_RETRY_DELAY)
