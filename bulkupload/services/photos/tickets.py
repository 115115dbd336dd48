"""Upload tickets of photos, and the report that their uploads have arrived."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.models import User
from bulkupload import selectors
from bulkupload.errors import NoPhotoOfBatchError, PhotoBatchEndedError
from bulkupload.models import PhotoBatch, PhotoFile, PhotoStatus
from bulkupload.rules.photos.failures import WITHOUT_BYTES
from bulkupload.services.photos import dispatch
from bulkupload.services.photos.lifecycle import lock
from media.services import uploads
from media.services.uploads import DeclaredFile, UploadTicket
from sartiq.core.errors import InvalidValuesError

Tickets = dict[UUID, UploadTicket]  # by the id of the photo


def issue(*, user: User, batch: PhotoBatch, photos: Sequence[PhotoFile], now: datetime) -> Tickets:
    """Issue a ticket for each photo, in the caller's transaction, which then saves the photos."""
    if not photos:
        return {}
    files = [
        DeclaredFile(
            filename=photo.path.replace("\\", "/").rpartition("/")[2],
            content_type=photo.content_type,
            size=photo.file_size,
            sha256=photo.sha256 or None,
        )
        for photo in photos
    ]
    # A worker reads the upload as the user of the batch: a personal one must be that user's.
    owner = user if batch.organization_id else batch.user
    issued = uploads.issue_tickets(
        user=owner, files=files, now=now, organization_id=batch.organization_id
    )
    for photo, ticket in zip(photos, issued, strict=True):
        photo.upload_id, photo.checked_at = ticket.upload_id, None
    return dict(zip((photo.pk for photo in photos), issued, strict=True))


def issue_again(
    *, user: User, batch_id: UUID, photo_ids: Sequence[UUID], now: datetime
) -> list[tuple[PhotoFile, UploadTicket | None]]:
    """Issue new tickets for those photos whose bytes are missing; return all of them.

    Raises PhotoBatchNotFoundError, PhotoBatchEndedError, InvalidValuesError for unknown ids.
    """
    batch = selectors.get_visible_batch(user, batch_id)
    with transaction.atomic():
        if lock(batch).is_finished:
            raise PhotoBatchEndedError
        photos = _locked(batch, photo_ids)
        waiting = [photo for photo in photos if photo.status == PhotoStatus.WAITING]
        issued = issue(user=user, batch=batch, photos=waiting, now=now)
        PhotoFile.objects.bulk_update(waiting, ["upload_id", "checked_at"])
        PhotoBatch.objects.filter(pk=batch.pk).update(last_arrival_at=now, updated_at=now)
    return [(photo, issued.get(photo.pk)) for photo in photos]


def report_uploaded(
    *, user: User, batch_id: UUID, photo_ids: Sequence[UUID], now: datetime
) -> PhotoBatch:
    """Save that photos have been uploaded; those that need no upload stay as they are.

    The batch may have ended since a first report whose response was lost. Raises
    PhotoBatchNotFoundError, PhotoBatchEndedError, InvalidValuesError for unknown ids.
    """
    batch = selectors.get_visible_batch(user, batch_id)
    with transaction.atomic():
        is_finished = lock(batch).is_finished
        photos = _locked(batch, photo_ids)
        if is_finished and not all(map(_has_arrived, photos)):
            raise PhotoBatchEndedError
        save_arrived(batch.pk, [photo.pk for photo in photos], now=now)
    batch.refresh_from_db()
    return batch


def save_arrived(batch_id: UUID, photo_ids: Collection[UUID], *, now: datetime) -> int:
    """Save that uploads have arrived, once, in the caller's transaction; return how many."""
    waiting = PhotoFile.objects.unreported().filter(batch_id=batch_id, pk__in=list(photo_ids))
    arrived = waiting.update(
        status=PhotoStatus.UPLOADED, arrived_at=now, sent_at=None, run_after=None, updated_at=now
    )
    if arrived:
        PhotoBatch.objects.filter(pk=batch_id).update(last_arrival_at=now, updated_at=now)
        dispatch.top_up_after_commit(batch_id)
    return arrived


def _has_arrived(photo: PhotoFile) -> bool:
    """Return whether the bytes of a photo are in the store, or were there and were refused."""
    is_refused = photo.failure_code in WITHOUT_BYTES and photo.failure_code != "never_sent"
    return photo.arrived_at is not None or is_refused


def _locked(batch: PhotoBatch, photo_ids: Sequence[UUID]) -> list[PhotoFile]:
    """Return photos of a batch in the order of their ids, locked."""
    rows = batch.files.filter(pk__in=photo_ids).select_for_update(of=("self",)).order_by("pk")
    by_id = {row.pk: row for row in rows}
    issues = [
        NoPhotoOfBatchError().at("body", "file_ids", index, value=str(pk))
        for index, pk in enumerate(photo_ids)
        if pk not in by_id
    ]
    if issues:
        raise InvalidValuesError(issues)
    return [by_id[pk] for pk in dict.fromkeys(photo_ids)]
