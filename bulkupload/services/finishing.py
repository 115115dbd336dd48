"""How a job ends: each end is one guarded update, so whoever comes second changes nothing."""

from uuid import UUID

import structlog
from django.db import transaction
from django.db.models.functions import Now

from bulkupload import deferred
from bulkupload.errors import FileFaultError
from bulkupload.models import BulkUploadChunk, BulkUploadJob, ChunkStatus, JobStatus
from sartiq.core.crashpoints import reach

log = structlog.get_logger(__name__)


def advance(job_id: UUID) -> None:
    """Finish a job whose chunks are all done, or tell of the chunk that waited for its turn."""
    left = BulkUploadChunk.objects.unfinished().filter(job_id=job_id).order_by("number").first()
    if left is None:
        finish(job_id)
    elif left.repeated:
        deferred.import_chunk(left.pk)


def finish(job_id: UUID) -> bool:
    """Complete a running job all of whose rows have their outcome; tell whether it was now."""
    reach("bulk-finish")
    chunks = BulkUploadChunk.objects.filter(job_id=job_id)
    with transaction.atomic():
        if chunks.exclude(status=ChunkStatus.DONE).exists():
            return False
        status = (
            JobStatus.COMPLETED_WITH_ERRORS
            if chunks.filter(failed__gt=0).exists()
            else JobStatus.COMPLETED
        )
        return _end(job_id, status, only_planned=True)


def fail(job_id: UUID, fault: FileFaultError) -> bool:
    """Fail a job with the one sentence that says why."""
    ended = _end(
        job_id,
        JobStatus.FAILED,
        failure_code=fault.code,
        failure_message=fault.message,
        failure_line=fault.line,
    )
    if ended:
        log.warning("bulk_upload_failed", job_id=str(job_id), code=fault.code)
    return ended


def cancel(job_id: UUID, *, code: str = "", message: str = "") -> bool:
    """Cancel a job that has not ended: chunks under way are given up, none is begun."""
    return _end(job_id, JobStatus.CANCELLED, failure_code=code, failure_message=message)


def _end(job_id: UUID, status: JobStatus, *, only_planned: bool = False, **facts: object) -> bool:
    rows = BulkUploadJob.objects.filter(pk=job_id)
    rows = rows.importing() if only_planned else rows.unfinished()
    ended = rows.update(
        status=status,
        finished_at=Now(),
        updated_at=Now(),
        lease_holder=None,
        lease_expires_at=None,
        **facts,
    )
    return bool(ended)
