"""Ending a job: an update with a condition, so that only the first of several ends takes effect."""

from collections.abc import Iterable
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from bulkupload import enqueue, selectors
from bulkupload.actions import ACTION_OF_FINAL_STATUS
from bulkupload.codes import CancelCode
from bulkupload.errors import JobFailureError
from bulkupload.models import (
    BulkUploadChunk,
    BulkUploadJob,
    BulkUploadMediaBatch,
    BulkUploadRowError,
    JobStatus,
)
from sartiq.core import events
from sartiq.core.work.crash_points import crash_point
from sartiq.core.work.runner import WorkStoppedError

log = structlog.get_logger(__name__)

LOCK_RUNNING = """
SELECT id FROM bulkupload_bulkuploadjob WHERE id = ANY(%s::uuid[]) AND status = %s
ORDER BY id FOR SHARE
"""


class JobStoppedError(WorkStoppedError):
    """Raised when the job ended while one of its tasks was running; the task is rolled back."""


def advance(job_id: UUID) -> None:
    """Finish a job that has no work left, or enqueue the work that may run next."""
    chunk = BulkUploadChunk.objects.unfinished().filter(job_id=job_id).order_by("number").first()
    batches = BulkUploadMediaBatch.objects.filter(job_id=job_id)
    if chunk is not None:
        if chunk.repeated:
            enqueue.import_chunk(chunk.pk)
    elif not batches.without_outcome().exists():
        finish(job_id)
    elif not batches.unfinished().exists():
        enqueue.finish_media(job_id)


def finish(job_id: UUID) -> bool:
    """Complete a running job if all its rows and images have outcomes; return whether they had."""
    crash_point("bulk-finish")
    with transaction.atomic():
        if BulkUploadChunk.objects.unfinished().filter(job_id=job_id).exists():
            return False
        # A chunk saves its batches in the transaction that makes it DONE.
        if BulkUploadMediaBatch.objects.without_outcome().filter(job_id=job_id).exists():
            return False
        status = (
            JobStatus.COMPLETED_WITH_ERRORS
            if BulkUploadRowError.objects.filter(job_id=job_id).exists()
            else JobStatus.COMPLETED
        )
        return _end(job_id, status, only_planned=True)


def require_running(job_id: UUID) -> None:
    """Lock a job so that it cannot end before this transaction does, or raise JobStoppedError."""
    if not lock_running([job_id]):
        raise JobStoppedError


def lock_running(job_ids: Iterable[UUID]) -> set[UUID]:
    """Return which jobs are running, locked so that none ends before this transaction does."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK_RUNNING, [list(job_ids), JobStatus.RUNNING])
        return {job_id for (job_id,) in cursor.fetchall()}


def fail(job_id: UUID, failure: JobFailureError) -> bool:
    """Fail a job with a code and a message; return False if it has already ended."""
    ended = _end(
        job_id,
        JobStatus.FAILED,
        failure_code=failure.code,
        failure_message=failure.message,
        failure_line=failure.line,
    )
    if ended:
        log.warning("bulk_upload_failed", job_id=str(job_id), code=failure.code)
    return ended


def cancel(job_id: UUID, *, code: CancelCode = "", message: str = "") -> bool:
    """Cancel a job, whose running chunks are rolled back; return False if it has already ended."""
    return _end(job_id, JobStatus.CANCELLED, failure_code=code, failure_message=message)


def _end(job_id: UUID, status: JobStatus, *, only_planned: bool = False, **fields: object) -> bool:
    rows = BulkUploadJob.objects.filter(pk=job_id)
    rows = rows.importing() if only_planned else rows.unfinished()
    with transaction.atomic():
        ended = rows.update(
            status=status,
            finished_at=Now(),
            updated_at=Now(),
            lease_holder=None,
            lease_expires_at=None,
            **fields,
        )
        if ended:
            _record_end(job_id, status)
    return bool(ended)


def _record_end(job_id: UUID, status: JobStatus) -> None:
    """Record one event for the whole job, with the numbers of its rows by outcome."""
    job = BulkUploadJob.objects.get(pk=job_id)
    counts = selectors.progress_of([job], now=timezone.now())[job.pk]
    events.record(
        ACTION_OF_FINAL_STATUS[status],
        job,
        code=job.failure_code or None,
        dry_run=job.dry_run,
        rows=counts.total,
        created=counts.created,
        updated=counts.updated,
        unchanged=counts.unchanged,
        failed=counts.failed,
    )
