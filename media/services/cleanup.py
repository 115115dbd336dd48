"""Cleanup of unused temporary objects and of resources without an attachment.

Without `execute` nothing changes. The age of an object is measured by the store's clock, the age of
a row by the database's. Every row is checked again under its lock before it is deleted, locked rows
are left for the next run, and objects are deleted after commit. See `docs/design/cleanup.md`.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now
from psycopg import errors as pg

from media.models import (
    DeletionReason,
    MediaResource,
    MediaResourceQuerySet,
    ObjectDeletion,
    Upload,
    UploadState,
)
from media.rules import keys, limits
from media.services import deletions
from media.services.environment import require_own_environment
from media.storage import ObjectListing, ObjectStore

MAX_CLOCK_DIFFERENCE = timedelta(hours=1)  # between web server, store and database
BATCH_SIZE = 1000
MAX_SAMPLES = 20
UNLIMITED = 2**62

ProgressCallback = Callable[[int], None]


@dataclass(kw_only=True)
class CleanupReport:
    """The result of a sweep.

    `bytes` is the size of the candidates; `samples` has at most twenty of their names.
    """

    executed: bool
    candidates: int = 0
    discarded: int = 0
    bytes: int = 0
    expired_uploads: int = 0
    samples: list[str] = field(default_factory=list)

    def add_candidate(self, name: str, size: int) -> None:
        """Count one candidate."""
        self.candidates += 1
        self.bytes += size
        if len(self.samples) < MAX_SAMPLES:
            self.samples.append(name)


class GraceTooShortError(ValueError):
    """Raised when the grace period is so short that objects in use could be deleted."""


def min_grace() -> timedelta:
    """Return the age below which an object may still be in use (docs/design/cleanup.md)."""
    redelivery_time = timedelta(seconds=settings.VISIBILITY_TIMEOUT)
    return limits.MAX_URL_LIFETIME + redelivery_time + MAX_CLOCK_DIFFERENCE


def require_grace(older_than: timedelta) -> None:
    """Reject a grace period shorter than `min_grace`."""
    if older_than < min_grace():
        message = f"{older_than} is too short: the shortest allowed grace period is {min_grace()}."
        raise GraceTooShortError(message)


def ignore_progress(_count: int) -> None:
    """Report no progress."""


def discard_stale_uploads(
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
    StoreUnavailableError.
    """
    require_grace(older_than)
    require_own_environment()
    report = CleanupReport(executed=execute)
    max_items = UNLIMITED if limit is None else limit
    now = _database_now()
    since = now - older_than
    before = (store.clock() or now) - older_than  # the grace period allows for clock differences
    for batch in _old_objects(store, before=before, on_progress=on_progress):
        _discard_objects(batch, since=since, max_keys=max_items - report.candidates, report=report)
        if report.candidates >= max_items:
            break
    _expire_uploads(before=since, max_items=max_items, report=report)
    return report


def discard_orphaned_media(
    *,
    older_than: timedelta = limits.UNATTACHED_GRACE,
    limit: int | None = None,
    execute: bool = False,
    on_progress: ProgressCallback = ignore_progress,
) -> CleanupReport:
    """Discard unprotected resources that had no attachment during the whole grace period.

    `on_progress` is called for each resource checked. Raises GraceTooShortError,
    ForeignEnvironmentError, StoreUnavailableError.
    """
    require_grace(older_than)
    require_own_environment()
    before = _database_now() - older_than
    report = CleanupReport(executed=execute)
    rows = _orphans(before).order_by("unattached_at", "pk")
    for pk, key, size in list(rows.values_list("pk", "storage_key", "file_size")[:limit]):
        report.add_candidate(key, size)
        if execute and _discard_resource(pk, before=before):
            report.discarded += 1
        on_progress(1)
    return report


def _database_now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


def _old_objects(
    store: ObjectStore, *, before: datetime, on_progress: ProgressCallback
) -> Iterator[list[ObjectListing]]:
    """Yield the old temporary objects page by page, leaving out keys that are not ours."""
    listed = store.list("temp/", limit=UNLIMITED)
    while page := list(islice(listed, BATCH_SIZE)):
        on_progress(len(page))
        yield [
            listing
            for listing in page
            if listing.last_modified < before and keys.classify(listing.key) is keys.KeyKind.TEMP
        ]


def _discard_objects(
    batch: Collection[ObjectListing], *, since: datetime, max_keys: int, report: CleanupReport
) -> None:
    sizes = {listing.key: listing.size for listing in batch}
    with transaction.atomic():
        unneeded_keys = _lock_unneeded(sizes, since=since)[:max_keys]
        if report.executed:
            report.expired_uploads += _close_uploads(unneeded_keys)
            deletions.queue(unneeded_keys, reason=DeletionReason.EXPIRED)
            report.discarded += len(unneeded_keys)
    for key in unneeded_keys:
        report.add_candidate(key, sizes[key])


def _lock_unneeded(object_keys: Collection[str], *, since: datetime) -> list[str]:
    """Lock the uploads and return the keys that no row needs and no other transaction holds."""
    uploads = Upload.objects.filter(key__in=object_keys)
    locked = set(uploads.select_for_update(skip_locked=True).values_list("key", flat=True))
    # Read under the locks: the result stays true until commit.
    busy = set(uploads.values_list("key", flat=True)) - locked
    needed = Upload.objects.needing_bytes(object_keys, since=since)
    sources = MediaResource.objects.pending().filter(storage_key__in=object_keys)
    queued = ObjectDeletion.objects.filter(key__in=object_keys)  # dead letters are left to staff
    retained = busy.union(
        needed.values_list("key", flat=True),
        sources.values_list("storage_key", flat=True),
        queued.values_list("key", flat=True),
    )
    return [key for key in object_keys if key not in retained]


def _close_uploads(object_keys: Collection[str]) -> int:
    """Mark the locked uploads of these keys CONSUMED or EXPIRED; return how many expired."""
    uploads = Upload.objects.filter(key__in=object_keys)
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
            batch = Upload.objects.filter(pk__in=ids[start : start + BATCH_SIZE])
            rows = batch.select_for_update(skip_locked=True)
            locked = list(rows.values_list("pk", flat=True))
            stale = Upload.objects.stale(before).filter(pk__in=locked)
            report.expired_uploads += stale.update(state=UploadState.EXPIRED, updated_at=Now())


def _orphans(before: datetime) -> MediaResourceQuerySet:
    """Return the orphans that no PENDING resource is being copied from."""
    copies = MediaResource.objects.pending().filter(copied_from=OuterRef("pk"))
    orphans: MediaResourceQuerySet = MediaResource.objects.orphaned(before=before)
    return orphans.exclude(Exists(copies))


def _discard_resource(pk: UUID, *, before: datetime) -> bool:
    """Delete the row and queue its objects; False when it is in use again or locked."""
    try:
        with transaction.atomic():
            return _discard_locked(pk, before=before)
    except OperationalError as error:
        if isinstance(error.__cause__, pg.DeadlockDetected | pg.LockNotAvailable):
            return False
        raise


def _discard_locked(pk: UUID, *, before: datetime) -> bool:
    resource = MediaResource.objects.select_for_update(skip_locked=True).filter(pk=pk).first()
    if resource is None:
        return False
    uploads = Upload.objects.filter(resource_id=pk)
    locked = len(uploads.select_for_update(skip_locked=True).values_list("pk", flat=True))
    # Checked again under the locks: it may have been attached since.
    if locked < uploads.count() or not _orphans(before).filter(pk=pk).exists():
        return False
    uploads.claimed().update(state=UploadState.EXPIRED, updated_at=Now())
    # A FAILED resource has its temporary object, and an attempt may have left a canonical copy.
    unneeded_keys = {resource.storage_key} | resource.own_keys
    resource.delete()
    deletions.queue(unneeded_keys, reason=DeletionReason.ORPHANED)
    return True
