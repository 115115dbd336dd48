"""Cleanup of temporary objects and uploads that were never used.

Without `execute` nothing changes. The age of an object is measured by the store's clock, the age of
a row by the database's. Every row is checked under its lock, locked rows are left for the next run,
and objects are deleted an hour later, after another check. See `docs/design/cleanup.md`.

The grace period is `UPLOAD_GRACE` (media/rules/limits.py).
"""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from itertools import islice

from django.db import transaction
from django.db.models.functions import Now

from media.models import DeletionReason, MediaResource, ObjectDeletion, Upload, UploadState
from media.rules import keys, limits
from media.services import deletions
from media.services.cleanup.grace import SECOND_PASS_DELAY, database_now, require_grace
from media.services.cleanup.report import (
    BATCH_SIZE,
    UNLIMITED,
    CleanupReport,
    ProgressCallback,
    ignore_progress,
    record_finished,
)
from media.services.environment import require_own_environment
from media.storage import ObjectListing, ObjectStore
from sartiq.core.work.exclusive import exclusive


def discard(
    *,
    store: ObjectStore,
    older_than: timedelta = limits.UPLOAD_GRACE,
    limit: int | None = None,
    execute: bool = False,
    on_progress: ProgressCallback = ignore_progress,
) -> CleanupReport:
    """Expire unused uploads and discard temporary objects that no row needs.

    `limit` is the maximum number of objects, and of uploads; `on_progress` is called with the
    number of objects checked. Raises GraceTooShortError, ForeignEnvironmentError,
    AlreadyRunningError, StoreUnavailableError.
    """
    require_grace(older_than)
    require_own_environment()
    report = CleanupReport(executed=execute)
    max_items = UNLIMITED if limit is None else limit
    with exclusive("media.cleanup_temp_uploads"):
        now = database_now()
        since = now - older_than
        before = (store.clock() or now) - older_than  # the grace period allows for differences
        for batch in _old_objects(store, before=before, on_progress=on_progress):
            remaining = max_items - report.candidates
            _discard_objects(batch, since=since, max_keys=remaining, report=report)
            if report.candidates >= max_items:
                break
        _expire_uploads(before=since, max_items=max_items, report=report)
    record_finished("temporary objects", report)
    return report


def _old_objects(
    store: ObjectStore, *, before: datetime, on_progress: ProgressCallback
) -> Iterator[list[ObjectListing]]:
    """Yield the old temporary objects in batches, leaving out keys that are not ours."""
    listed = store.list("temp/", limit=UNLIMITED)
    while batch := list(islice(listed, BATCH_SIZE)):
        on_progress(len(batch))
        yield [
            listing
            for listing in batch
            if listing.last_modified < before and keys.classify(listing.key) is keys.KeyKind.TEMP
        ]


def _discard_objects(
    batch: Collection[ObjectListing], *, since: datetime, max_keys: int, report: CleanupReport
) -> None:
    sizes = {listing.key: listing.size for listing in batch}
    if not sizes:
        return
    with transaction.atomic():
        unneeded_keys = _lock_unneeded(sizes, since=since)[:max_keys]
        if report.executed:
            report.expired_uploads += _close_uploads(unneeded_keys)
            deletions.queue(
                unneeded_keys,
                reason=DeletionReason.EXPIRED,
                after=SECOND_PASS_DELAY,
                notify_workers=False,
            )
            report.discarded += len(unneeded_keys)
    for key in unneeded_keys:
        report.add_candidate(key, sizes[key])


def _lock_unneeded(object_keys: Collection[str], *, since: datetime) -> list[str]:
    """Lock the uploads and return the keys that no row needs and no other transaction holds."""
    uploads = Upload.objects.filter(key__among=object_keys)
    locked = set(uploads.select_for_update(skip_locked=True).values_list("key", flat=True))
    # Read under the locks: the result stays true until commit.
    busy = set(uploads.values_list("key", flat=True)) - locked
    needed = Upload.objects.needing_bytes(object_keys, since=since)
    sources = MediaResource.objects.pending().filter(storage_key__among=object_keys)
    queued = ObjectDeletion.objects.filter(key__among=object_keys)  # dead letters are for staff
    retained = busy.union(
        needed.values_list("key", flat=True),
        sources.values_list("storage_key", flat=True),
        queued.values_list("key", flat=True),
    )
    return [key for key in object_keys if key not in retained]


def _close_uploads(object_keys: Collection[str]) -> int:
    """Mark the locked uploads of these keys CONSUMED or EXPIRED; return how many expired."""
    uploads = Upload.objects.filter(key__among=object_keys)
    uploads.claimed_and_ready().update(state=UploadState.CONSUMED, updated_at=Now())
    unused = uploads.filter(state__in=[UploadState.ISSUED, UploadState.CLAIMED])
    return unused.update(state=UploadState.EXPIRED, updated_at=Now())


def _expire_uploads(*, before: datetime, max_items: int, report: CleanupReport) -> None:
    """Expire stale uploads without an object: never uploaded, or already deleted."""
    stale = Upload.objects.stale(before).order_by("created_at", "pk")
    ids = list(stale.values_list("pk", flat=True)[: max(max_items - report.expired_uploads, 0)])
    if not report.executed:
        report.expired_uploads += len(ids)
        return
    for start in range(0, len(ids), BATCH_SIZE):
        with transaction.atomic():
            batch = Upload.objects.filter(pk__among=ids[start : start + BATCH_SIZE])
            rows = batch.select_for_update(skip_locked=True)
            locked = list(rows.values_list("pk", flat=True))
            stale = Upload.objects.stale(before).filter(pk__among=locked)
            report.expired_uploads += stale.update(state=UploadState.EXPIRED, updated_at=Now())
