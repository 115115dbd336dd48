"""Starting, cancelling, retrying and ending photo batches.

Code that changes photos locks their batch first, so that two transactions cannot deadlock.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.db.models import Case, CharField, Count, F, Q, QuerySet, Value, When
from django.db.models.functions import Now

from accounts.models import User
from bulkupload import selectors
from bulkupload.actions import PhotoBatchAction
from bulkupload.errors import NoFailedPhotosError, PhotoBatchEndedError
from bulkupload.models import PhotoBatch, PhotoBatchStatus, PhotoFile, PhotoStatus
from bulkupload.rules.photos.failures import PhotoFailure, failure
from bulkupload.services.photos import dispatch, slots
from bulkupload.services.photos.match_names import MATCH_FIELDS, apply_match, match_names
from sartiq.core import events
from sartiq.core.contention import retry_on_contention
from sartiq.core.work.crash_points import crash_point
from sartiq.core.work.runner import WorkStoppedError

log = structlog.get_logger(__name__)

LOCK_RUNNING = "SELECT id FROM bulkupload_photobatch WHERE id = %s AND status = %s FOR SHARE"
WITHOUT_LEASE = {
    "lease_holder": None,
    "lease_expires_at": None,
    "lease_fence": F("lease_fence") + 1,
}
AGAIN = {"sent_at": None, "run_after": None, "attempts": 0, "unavailable_since": None}
BATCH_SIZE = 1000  # photos of one statement
UNDECIDED = Q(product_id__isnull=True)


class BatchStoppedError(WorkStoppedError):
    """Raised when the batch ended while a photo was being attached."""


def lock(batch: PhotoBatch) -> PhotoBatch:
    """Return a batch as it is now, locked until the transaction ends."""
    rows = PhotoBatch.objects.select_for_update(of=("self",), no_key=True)
    locked_batch: PhotoBatch = rows.get(pk=batch.pk)
    return locked_batch


def require_running(batch_id: UUID) -> None:
    """Lock a batch so that it cannot end before this transaction does, or raise BatchStoppedError.

    Workers share the lock.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOCK_RUNNING, [batch_id, PhotoBatchStatus.RUNNING])
        if cursor.fetchone() is None:
            raise BatchStoppedError


def start(*, user: User, batch_id: UUID, now: datetime) -> PhotoBatch:
    """Have the photos of a batch attached; does and raises what `starting` does."""
    with starting(user=user, batch_id=batch_id, now=now) as batch:
        return batch


@contextmanager
def starting(*, user: User, batch_id: UUID, now: datetime) -> Iterator[PhotoBatch]:
    """Have the photos of a batch attached, those not uploaded yet as they arrive.

    The `with` block runs in the same transaction. A running batch stays as it is.
    Raises PhotoBatchNotFoundError, PhotoBatchEndedError.
    """
    batch = selectors.get_visible_batch(user, batch_id)
    with transaction.atomic():
        locked = lock(batch)
        if locked.is_finished:
            raise PhotoBatchEndedError
        if locked.status == PhotoBatchStatus.OPEN:
            _run(locked, now=now)
            events.record(PhotoBatchAction.STARTED, locked)
        batch.refresh_from_db()
        yield batch


def cancel(*, user: User, batch_id: UUID) -> PhotoBatch:
    """Stop a batch: attached photos stay, the others fail. A cancelled batch stays as it is.

    Raises PhotoBatchNotFoundError, PhotoBatchEndedError.
    """
    batch = selectors.get_visible_batch(user, batch_id)
    for attempt in retry_on_contention():  # workers update the same photos
        with attempt, transaction.atomic():
            locked = lock(batch)
            if locked.status == PhotoBatchStatus.DONE:
                raise PhotoBatchEndedError
            if not locked.is_finished:
                _cancel(locked, "cancelled")
    batch.refresh_from_db()
    return batch


def cancel_without_owner(batch_id: UUID) -> None:
    """Cancel a batch whose user may no longer write to its owner's products."""
    with transaction.atomic():
        locked = lock(PhotoBatch(pk=batch_id))
        if not locked.is_finished:
            _cancel(locked, "owner_gone")


def retry(*, user: User, batch_id: UUID, now: datetime) -> PhotoBatch:
    """Run a batch again for its failed photos; those without bytes wait for another upload.

    Raises PhotoBatchNotFoundError, NoFailedPhotosError.
    """
    batch = selectors.get_visible_batch(user, batch_id)
    for attempt in retry_on_contention():
        with attempt, transaction.atomic():
            locked = lock(batch)
            failed = locked.files.filter(status=PhotoStatus.FAILED)
            count = failed.update(**RETRIED, updated_at=now)
            if not count:
                raise NoFailedPhotosError
            _match_again(locked)
            _run(locked, now=now)
            events.record(PhotoBatchAction.RETRIED, locked, photos=count)
    batch.refresh_from_db()
    return batch


def reopen(batch: PhotoBatch, *, now: datetime) -> None:
    """Let a locked batch continue after a choice of the user, in the caller's transaction."""
    if batch.is_finished:
        _run(batch, now=now)
    else:
        _touch(batch, now=now)


def fail(photos: "QuerySet[PhotoFile]", reason: PhotoFailure) -> int:
    """Fail photos with a reason, in the caller's transaction; return how many."""
    values: dict[str, Any] = {"arrived_at": None, "upload_id": None} if reason.needs_upload else {}
    if reason.needs_other_bytes:  # the next upload must accept their size and hash
        values |= {"file_size": None, "sha256": ""}
    return photos.update(
        status=PhotoStatus.FAILED,
        failure_code=reason.code,
        failure_message=reason.message,
        finished_at=Now(),
        updated_at=Now(),
        **values,
        **WITHOUT_LEASE,
    )


def end_if_done(batch_id: UUID) -> bool:
    """End a running batch that has nothing left to do; return whether it ended."""
    with transaction.atomic():
        locked = lock(PhotoBatch(pk=batch_id))
        if locked.status != PhotoBatchStatus.RUNNING or _has_work(locked):
            return False
        _end(locked)
    return True


def end_idle(batch_id: UUID, *, before: datetime) -> bool:
    """End a batch for which nothing has arrived since a moment; return whether it ended."""
    with transaction.atomic():
        locked = lock(PhotoBatch(pk=batch_id))
        if locked.is_finished or locked.last_arrival_at >= before:
            return False
        if locked.status == PhotoBatchStatus.RUNNING and _is_attaching(locked):
            return False
        _end(locked)
    return True


def _run(batch: PhotoBatch, *, now: datetime) -> None:
    values = {"status": PhotoBatchStatus.RUNNING, "finished_at": None, "last_arrival_at": now}
    PhotoBatch.objects.filter(pk=batch.pk).update(
        **values, started_at=batch.started_at or now, updated_at=now
    )
    dispatch.top_up_after_commit(batch.pk)
    crash_point("photo-batch-running")


def _touch(batch: PhotoBatch, *, now: datetime) -> None:
    PhotoBatch.objects.filter(pk=batch.pk).update(last_arrival_at=now, updated_at=now)
    dispatch.top_up_after_commit(batch.pk)


def _match_again(batch: PhotoBatch) -> None:
    """Match photos without product again: there may be new products or slot words."""
    photos = list(batch.files.filter(UNDECIDED, status__in=selectors.UNATTACHED))
    matches = match_names(batch.scope, batch.template, [photo.path for photo in photos])
    for photo, match in zip(photos, matches, strict=True):
        apply_match(photo, match)
    PhotoFile.objects.bulk_update(photos, MATCH_FIELDS, batch_size=BATCH_SIZE)


def _is_attaching(batch: PhotoBatch) -> bool:
    """Return whether photos are being attached, or have an outcome that is not saved yet.

    The order matters: a file that is verified after the first query is found by the others.
    """
    files = batch.files
    return (
        files.being_attached().exists()
        or files.with_unsaved_outcome().exists()
        or slots.complete(files.all()).exists()
    )


def _has_work(batch: PhotoBatch) -> bool:
    return _is_attaching(batch) or batch.files.expected().exists()


def _cancel(batch: PhotoBatch, code: str) -> None:
    unfinished = [*selectors.UNATTACHED, PhotoStatus.INGESTED]
    fail(batch.files.filter(status__in=unfinished), failure(code))
    _save_end(batch, PhotoBatchStatus.CANCELLED)


def _end(batch: PhotoBatch) -> None:
    """End a locked batch: what is neither attached nor refused fails with the reason."""
    unattached = batch.files.filter(status__in=selectors.UNATTACHED)
    fail(unattached.filter(UNDECIDED, candidates=[]), failure("no_product"))
    fail(unattached.filter(UNDECIDED), failure("ambiguous_product"))
    fail(unattached.filter(status=PhotoStatus.WAITING), failure("never_sent"))
    fail(unattached.filter(status=PhotoStatus.UPLOADED), failure("not_attached"))
    fail(batch.files.filter(status=PhotoStatus.INGESTED), failure("slot_incomplete"))
    _save_end(batch, PhotoBatchStatus.DONE)


def _save_end(batch: PhotoBatch, status: PhotoBatchStatus) -> None:
    PhotoBatch.objects.filter(pk=batch.pk).update(
        status=status, finished_at=Now(), updated_at=Now()
    )
    counts = dict(batch.files.order_by().values_list("status").annotate(photos=Count("pk")))
    is_done = status == PhotoBatchStatus.DONE
    events.record(
        PhotoBatchAction.FINISHED if is_done else PhotoBatchAction.CANCELLED,
        batch,
        **{name.lower(): count for name, count in counts.items()},
    )
    crash_point("photo-batch-ended")


RETRIED = {
    "status": Case(
        When(arrived_at__isnull=False, then=Value(PhotoStatus.UPLOADED)),
        default=Value(PhotoStatus.WAITING),
        output_field=CharField(),
    ),
    "failure_code": "",
    "failure_message": "",
    "finished_at": None,
    **AGAIN,
    **WITHOUT_LEASE,
}
