"""The failures of jobs whose file cannot be read."""

from bulkupload.errors import JobFailureError
from media.errors import ObjectNotFoundError, PreconditionFailedError
from sartiq.core.errors import UnavailableError
from sartiq.core.work.retry_policy import RetryRowError

SOURCE_MISSING = JobFailureError("source_missing", "The uploaded file is gone. Send it again.")
STORE_UNAVAILABLE = JobFailureError(
    "store_unavailable", "The file store did not answer. Retry later."
)
DISK_UNAVAILABLE = JobFailureError(
    "disk_unavailable", "The server's disk could not hold the file. Retry later."
)


def failure_of(error: Exception) -> JobFailureError | None:
    """Return the failure that an exception means for a job, or None if the exception is a bug."""
    if isinstance(error, JobFailureError):
        return error
    if isinstance(error, (ObjectNotFoundError, PreconditionFailedError)):
        return SOURCE_MISSING
    if isinstance(error, (UnavailableError, RetryRowError)):
        return STORE_UNAVAILABLE
    return DISK_UNAVAILABLE if isinstance(error, OSError) else None
