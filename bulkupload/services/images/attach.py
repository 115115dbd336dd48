"""Taking in the pictures of one batch and showing them in their products.

Bytes are looked at by the ingest of media, outside any transaction; what the products show, the
outcome of each picture and its warning commit together, under the batch's lease, and only while
the job runs. What a later row replaced meanwhile is left alone.
"""

from uuid import UUID

import structlog
from django.db import transaction

from accounts.selectors import may_write
from bulkupload.models import (
    BatchStatus,
    BulkUploadMediaBatch,
    JobStatus,
    MediaStatus,
    RemoteStatus,
)
from bulkupload.services import lifecycle
from bulkupload.services.images import finish, outcomes, remote_cache
from bulkupload.services.images.attach_products import Piece, Refusal, pending_of, problem_of, split
from bulkupload.services.images.outcomes import Pictures
from bulkupload.services.rows import merge
from bulkupload.services.rows.import_chunk import OWNER_GONE
from media.errors import (
    IngestTimeError,
    RequestFilesTooLargeError,
)
from sartiq.core.errors import InvalidManyError, UnavailableError
from sartiq.core.work import leases
from sartiq.core.work.crash_points import reach
from sartiq.core.work.leases import Lease
from sartiq.core.work.runner import Outcome, RetryRowError, RowTask

log = structlog.get_logger(__name__)

ATTEMPTS_EXHAUSTED = Refusal(
    code="attempts_exhausted",
    message="The picture could not be taken in, in five attempts. Retry later.",
)
STORE_UNAVAILABLE = Refusal(
    code="store_unavailable", message="The file store did not answer. Retry the upload later."
)
TOGETHER = Refusal(
    code="request_too_large",
    message="The pictures of one product may be 500 MiB together. Send fewer.",
)


def attach(batch_id: UUID) -> None:
    """Show the pictures of one batch, once, however often the task is delivered."""
    batch = BulkUploadMediaBatch.objects.select_related("job").filter(pk=batch_id).first()
    if batch is None or batch.job.status != JobStatus.RUNNING:
        return
    unfinished = BulkUploadMediaBatch.objects.unfinished().filter(pk=batch_id)
    lease = leases.take(unfinished.exclude(remotes__status=RemoteStatus.WAITING))
    if lease is not None and TASK.run(lease) is not Outcome.STOPPED:
        reach("media-attached")
        finish.settle(batch.job_id, batch_id=batch.pk)
        lifecycle.advance(batch.job_id)


def _attach(lease: Lease[BulkUploadMediaBatch]) -> None:
    batch = BulkUploadMediaBatch.objects.select_related("job__user").get(pk=lease.pk)
    job = batch.job
    if not job.user.is_active or not may_write(job.user, job.scope):
        lifecycle.cancel(job.pk, code="owner_gone", message=OWNER_GONE)
        raise lifecycle.JobStoppedError
    _show(lease, batch)


def _failure_of(error: Exception) -> Refusal | None:
    passes = isinstance(error, (UnavailableError, OSError, RetryRowError))
    return STORE_UNAVAILABLE if passes else None


def _show(lease: Lease[BulkUploadMediaBatch], batch: BulkUploadMediaBatch) -> None:
    """Do the batch in pieces, smaller ones after each attempt that came to nothing."""
    rows = list(pending_of(batch))
    known = remote_cache.found(batch.job.scope, {url for row in rows for url in row.urls})
    for piece in split(rows, into=2 ** (lease.attempts - 1)):
        _show_piece(Piece(lease=lease, batch=batch, rows=piece, known=known))
    with transaction.atomic():
        lease.require_held()
        lifecycle.require_running(batch.job_id)
        _end(batch)


def _show_piece(piece: Piece) -> None:
    """Show what is good; each refused picture is left out and the rest is tried again."""
    while True:
        piece.lease.renew()
        try:
            with piece.lease.renewing():  # reading the files may take longer than a lease
                piece.write()
        except InvalidManyError as refused:
            piece.leave_out(refused)
        except (RequestFilesTooLargeError, IngestTimeError) as error:
            halves = list(split(piece.rows, into=2))
            if len(halves) == 1:
                if isinstance(error, IngestTimeError):  # the store is slow: that may pass
                    raise RetryRowError(str(error)) from error
                piece.leave_out_all(TOGETHER)
                continue
            for half in halves:
                _show_piece(piece.of(half))
            return
        else:
            return


def _fail(lease: Lease[BulkUploadMediaBatch], refusal: Refusal) -> None:
    """Warn of every picture of a batch that could not be taken in."""
    batch = BulkUploadMediaBatch.objects.select_related("job").get(pk=lease.pk)
    with transaction.atomic():
        lease.require_held()
        lifecycle.require_running(batch.job_id)
        rows = list(pending_of(batch).select_for_update(of=("self",)))
        problems = [
            problem_of(row, index, refusal) for row in rows for index in range(len(row.urls) or 1)
        ]
        merge.keep_warnings(batch.job, problems)
        outcomes.note([(row, MediaStatus.FAILED, Pictures(failed=len(row.urls))) for row in rows])
        _end(batch)


def _end(batch: BulkUploadMediaBatch) -> None:
    BulkUploadMediaBatch.objects.filter(pk=batch.pk).update(
        status=BatchStatus.DONE, lease_holder=None, lease_expires_at=None
    )


TASK = RowTask(
    name="bulk_images",
    work=_attach,
    fail=_fail,
    failure_of=_failure_of,
    attempts_exhausted=ATTEMPTS_EXHAUSTED,
)
