"""Discarding what nobody needs: unused temporary objects, and resources nothing shows.

Reports first: without `execute` nothing at all changes. The age of an object is told by the
store's clock, the age of a row by the database's. Every row is looked at again under its lock
right before it goes, rows somebody else holds are left for the next run, and objects go after
commit. The rules and their reasons are in `docs/design/sweeps.md`.
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

GRACE = timedelta(hours=24)
CLOCK_ERROR = timedelta(hours=1)  # by which the clocks of web, store and database may differ
BATCH = 1000
SAMPLES = 20
EVERYTHING = 2**62  # a listing without an end of its own

Watch = Callable[[int], None]


@dataclass(kw_only=True)
class SweepReport:
    """What a sweep found and did.

    `bytes` are those of the candidates; `samples` shows at most twenty of their names.
    """

    executed: bool
    candidates: int = 0
    discarded: int = 0
    bytes: int = 0
    expired_uploads: int = 0
    samples: list[str] = field(default_factory=list)

    def note(self, name: str, size: int) -> None:
        """Count one candidate."""
        self.candidates += 1
        self.bytes += size
        if len(self.samples) < SAMPLES:
            self.samples.append(name)


class GraceTooShortError(ValueError):
    """Raised when a sweep is asked to look at objects that may still be on their way."""


def shortest_grace() -> timedelta:
    """Return the age below which an object may still be on its way (docs/design/sweeps.md)."""
    redelivered = timedelta(seconds=settings.VISIBILITY_TIMEOUT)
    return limits.MAX_URL_LIFETIME + redelivered + CLOCK_ERROR


def require_grace(older_than: timedelta) -> None:
    """Refuse a grace shorter than the shortest."""
    if older_than < shortest_grace():
        message = f"{older_than} is shorter than the shortest grace, {shortest_grace()}."
        raise GraceTooShortError(message)


def nothing(_looked_at: int) -> None:
    """Let a sweep go on without telling anybody."""


def discard_stale_uploads(
    *,
    store: ObjectStore,
    older_than: timedelta = GRACE,
    limit: int | None = None,
    execute: bool = False,
    watch: Watch = nothing,
) -> SweepReport:
    """Expire uploads nobody used and discard temporary objects no row needs any more.

    `limit` bounds the objects (and the uploads) of this run; `watch` is told how many objects were
    looked at. Raises GraceTooShortError, ForeignEnvironmentError, StoreUnavailableError.
    """
    require_grace(older_than)
    require_own_environment()
    report = SweepReport(executed=execute)
    most = EVERYTHING if limit is None else limit
    now = _database_now()
    since = now - older_than
    before = (store.clock() or now) - older_than  # the grace has room for clocks that differ
    for batch in _old_objects(store, before=before, watch=watch):
        _discard_objects(batch, since=since, room=most - report.candidates, report=report)
        if report.candidates >= most:
            break
    _expire_uploads(before=since, most=most, report=report)
    return report


def discard_orphaned_media(
    *,
    older_than: timedelta = GRACE,
    limit: int | None = None,
    execute: bool = False,
    watch: Watch = nothing,
) -> SweepReport:
    """Discard resources that nothing has shown since the grace began and nobody protects.

    `watch` is told of each one looked at. Raises GraceTooShortError, ForeignEnvironmentError,
    StoreUnavailableError.
    """
    require_grace(older_than)
    require_own_environment()
    before = _database_now() - older_than
    report = SweepReport(executed=execute)
    rows = _orphans(before).order_by("unattached_at", "pk")
    for pk, key, size in list(rows.values_list("pk", "storage_key", "file_size")[:limit]):
        report.note(key, size)
        if execute and _discard_resource(pk, before=before):
            report.discarded += 1
        watch(1)
    return report


def _database_now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


def _old_objects(
    store: ObjectStore, *, before: datetime, watch: Watch
) -> Iterator[list[ObjectListing]]:
    """Yield the old temporary objects page by page; keys not of our making are left alone."""
    listed = store.list("temp/", limit=EVERYTHING)
    while page := list(islice(listed, BATCH)):
        watch(len(page))
        yield [
            each
            for each in page
            if each.last_modified < before and keys.classify(each.key) is keys.KeyKind.TEMP
        ]


def _discard_objects(
    batch: Collection[ObjectListing], *, since: datetime, room: int, report: SweepReport
) -> None:
    sizes = {each.key: each.size for each in batch}
    with transaction.atomic():
        useless = _useless(sizes, since=since)[:room]
        if report.executed:
            report.expired_uploads += _retire(useless)
            deletions.queue(useless, reason=DeletionReason.EXPIRED)
            report.discarded += len(useless)
    for key in useless:
        report.note(key, sizes[key])


def _useless(object_keys: Collection[str], *, since: datetime) -> list[str]:
    """Lock the uploads and return the keys no row needs, without those somebody works on."""
    named = Upload.objects.filter(key__in=object_keys)
    locked = set(named.select_for_update(skip_locked=True).values_list("key", flat=True))
    # Only now, with the locks held, do the rows say what stays true until commit.
    busy = set(named.values_list("key", flat=True)) - locked
    needed = Upload.objects.needing_bytes(object_keys, since=since)
    sources = MediaResource.objects.pending().filter(storage_key__in=object_keys)
    queued = ObjectDeletion.objects.filter(key__in=object_keys)  # dead letters wait for staff
    kept = busy.union(
        needed.values_list("key", flat=True),
        sources.values_list("storage_key", flat=True),
        queued.values_list("key", flat=True),
    )
    return [key for key in object_keys if key not in kept]


def _retire(object_keys: Collection[str]) -> int:
    """Take the locked uploads of these keys out of use; return how many expired."""
    mine = Upload.objects.filter(key__in=object_keys)
    mine.settled().update(state=UploadState.CONSUMED, updated_at=Now())
    unused = mine.filter(state__in=[UploadState.ISSUED, UploadState.CLAIMED])
    return unused.update(state=UploadState.EXPIRED, updated_at=Now())


def _expire_uploads(*, before: datetime, most: int, report: SweepReport) -> None:
    """Expire stale uploads without an object too: it never came, or went already."""
    stale = Upload.objects.stale(before).order_by("created_at", "pk")
    ids = list(stale.values_list("pk", flat=True)[: max(most - report.expired_uploads, 0)])
    if not report.executed:
        report.expired_uploads += len(ids)
        return
    for start in range(0, len(ids), BATCH):
        with transaction.atomic():
            some = Upload.objects.filter(pk__in=ids[start : start + BATCH])
            rows = some.select_for_update(skip_locked=True)
            locked = list(rows.values_list("pk", flat=True))
            still = Upload.objects.stale(before).filter(pk__in=locked)
            report.expired_uploads += still.update(state=UploadState.EXPIRED, updated_at=Now())


def _orphans(before: datetime) -> MediaResourceQuerySet:
    """Return what may go: orphans nothing is being copied from."""
    copies = MediaResource.objects.pending().filter(copied_from=OuterRef("pk"))
    orphans: MediaResourceQuerySet = MediaResource.objects.orphaned(before=before)
    return orphans.exclude(Exists(copies))


def _discard_resource(pk: UUID, *, before: datetime) -> bool:
    """Remove the row and queue its objects; False when somebody uses it again or right now."""
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
    free = len(uploads.select_for_update(skip_locked=True).values_list("pk", flat=True))
    # Asked anew under the locks: what was shown again before them is no orphan any more.
    if free < uploads.count() or not _orphans(before).filter(pk=pk).exists():
        return False
    uploads.claimed().update(state=UploadState.EXPIRED, updated_at=Now())
    # A FAILED resource names its temporary object; an attempt may have left a copy as well.
    useless = {resource.storage_key} | resource.own_keys
    resource.delete()
    deletions.queue(useless, reason=DeletionReason.ORPHANED)
    return True
