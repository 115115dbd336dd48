"""Discarding what nobody needs: unused temporary objects, and resources nothing shows.

Reports first: without `execute` nothing at all changes. Age is what the store says it is. Every
row is looked at again under its lock right before it goes; objects go after commit.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from django.db import transaction

from media.models import (
    DeletionReason,
    MediaResource,
    ObjectDeletion,
    Upload,
    UploadState,
)
from media.services import deletions
from media.storage import ObjectListing, ObjectStore

GRACE = timedelta(hours=24)
# A presigned URL lives an hour at most and a relocation is retried for minutes: anything younger
# may still be on its way (reliability.md C4).
SHORTEST_GRACE = timedelta(hours=2, minutes=15)
BATCH = 500
SAMPLES = 20


@dataclass
class SweepReport:
    """What a sweep found and did; `samples` shows at most twenty of the names."""

    executed: bool
    candidates: int = 0
    discarded: int = 0
    bytes: int = 0
    samples: list[str] = field(default_factory=list)

    def note(self, name: str, size: int = 0) -> None:
        """Count one candidate."""
        self.candidates += 1
        self.bytes += size
        if len(self.samples) < SAMPLES:
            self.samples.append(name)


class GraceTooShortError(Exception):
    """Raised when a sweep is asked to look at objects that may still be on their way."""


def discard_stale_uploads(
    *,
    store: ObjectStore,
    now: datetime,
    older_than: timedelta = GRACE,
    limit: int | None = None,
    execute: bool = False,
) -> SweepReport:
    """Expire uploads nobody used and discard temporary objects no upload needs any more."""
    before = _before(now, older_than)
    report = SweepReport(executed=execute)
    old = (each for each in store.list("temp/", limit=10_000_000) if each.last_modified < before)
    for batch in _batches(islice(old, limit)):
        _discard_objects(batch, before=before, report=report)
    if execute:
        _expire_rows(before=before, limit=limit)
    return report


def discard_orphaned_media(
    *,
    now: datetime,
    older_than: timedelta = GRACE,
    limit: int | None = None,
    execute: bool = False,
) -> SweepReport:
    """Discard resources that nothing has shown since the grace began and nobody protects."""
    before = _before(now, older_than)
    report = SweepReport(executed=execute)
    rows = MediaResource.objects.orphaned(before=before).order_by("unattached_at", "pk")
    for resource in list(rows[:limit]):
        report.note(resource.storage_key, resource.file_size)
        if execute and _discard_resource(resource, before=before):
            report.discarded += 1
    return report


def _before(now: datetime, older_than: timedelta) -> datetime:
    if older_than < SHORTEST_GRACE:
        raise GraceTooShortError
    return now - older_than


def _batches(objects: Iterator[ObjectListing]) -> Iterator[list[ObjectListing]]:
    while batch := list(islice(objects, BATCH)):
        yield batch


def _discard_objects(
    batch: Iterable[ObjectListing], *, before: datetime, report: SweepReport
) -> None:
    sizes = {each.key: each.size for each in batch}
    with transaction.atomic():
        uploads = Upload.objects.select_for_update().filter(key__in=sizes).order_by("key")
        list(uploads.values_list("pk", flat=True))  # nobody claims one of these meanwhile
        needed = set(
            Upload.objects.needing_bytes(sizes, since=before).values_list("key", flat=True)
        ) | set(
            MediaResource.objects.pending()
            .filter(storage_key__in=sizes)
            .values_list("storage_key", flat=True)
        )
        queued = set(
            ObjectDeletion.objects.alive().filter(key__in=sizes).values_list("key", flat=True)
        )
        useless = [key for key in sizes if key not in needed | queued]
        for key in useless:
            report.note(key, sizes[key])
        if report.executed:
            uploads.filter(state__in=[UploadState.ISSUED, UploadState.CLAIMED]).filter(
                key__in=useless
            ).update(state=UploadState.EXPIRED)
            deletions.queue(useless, reason=DeletionReason.EXPIRED)
            report.discarded += len(useless)


def _expire_rows(*, before: datetime, limit: int | None) -> None:
    """Expire stale uploads whose object never came (those with one were handled above)."""
    rows = Upload.objects.stale(before).order_by("created_at").values_list("pk", flat=True)
    ids = list(rows[:limit])
    stale = Upload.objects.stale(before).filter(pk__in=ids)
    stale.update(state=UploadState.EXPIRED)


def _discard_resource(resource: MediaResource, *, before: datetime) -> bool:
    """Remove the row under its lock and queue the object; False when somebody shows it again."""
    with transaction.atomic():
        rows = MediaResource.objects.orphaned(before=before).filter(pk=resource.pk)
        locked = rows.select_for_update(of=("self",)).first()
        if locked is None or _is_source(locked):
            return False
        key = locked.storage_key
        locked.delete()
        deletions.queue([key], reason=DeletionReason.ORPHANED)
    return True


def _is_source(resource: MediaResource) -> bool:
    """Tell whether another resource is being copied from this one right now."""
    return MediaResource.objects.pending().filter(copied_from=resource).exists()
