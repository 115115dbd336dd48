"""Starting, cancelling and retrying bulk uploads: the file is stored first, the job row second."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import BinaryIO
from uuid import UUID

from django.db import transaction

from accounts.models import OwnerScope, User
from accounts.selectors import may_write, organization_ids_of
from bulkupload import deferred, selectors
from bulkupload.errors import JobFinishedError, NothingToRetryError, StoringTooSlowError
from bulkupload.models import BulkUploadJob, JobStatus
from bulkupload.rules.table.file_type import format_of
from bulkupload.rules.table.header import Mapped
from bulkupload.services import error_file, lifecycle
from media.errors import ObjectNotFoundError
from media.models import Bucket, DeletionReason
from media.rules import keys
from media.services import deletions
from media.storage import ObjectHead, ObjectHeaders, private_store
from sartiq.core.models import new_id
from sartiq.core.work.crash_points import reach

MAX_NAME_LENGTH = 255
HEADERS = ObjectHeaders(content_type="application/octet-stream", content_disposition="attachment")

Body = BinaryIO | Iterable[bytes]
Then = Callable[[BulkUploadJob], None]


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table somebody sends, as it lies on our disk while the request runs."""

    body: BinaryIO
    size: int
    filename: str
    dry_run: bool = False
    mapping: Mapped = field(default_factory=dict)
    encoding: str = ""  # a codec of `encodings.LABELS`; empty when nobody said


def _nothing(_job: BulkUploadJob) -> None:
    """Do nothing more."""


def start(*, user: User, scope: OwnerScope, table: Table, then: Then = _nothing) -> BulkUploadJob:
    """Store a table and have the workers import it.

    `then` is called with the job inside the creating transaction. Raises NotATableError,
    EmptyFileError or TableTooLargeError for a file we do not take, StoreUnavailableError when it
    cannot be stored now; then there is no job.
    """
    format_of(table.body, table.size)
    job = BulkUploadJob(
        id=new_id(),
        user_id=user.pk,
        organization_id=scope.organization_id,
        filename=table.filename[:MAX_NAME_LENGTH],
        dry_run=table.dry_run,
        mapping=dict(table.mapping),
        encoding=table.encoding,
    )
    table.body.seek(0)
    return _keep(job, table.body, then)


def cancel(*, user: User, job_id: UUID) -> BulkUploadJob:
    """Cancel a job: chunks that are done stay, none is begun. Raises JobFinishedError."""
    job = selectors.one_visible_to(user, job_id)
    if not lifecycle.cancel(job.pk):
        raise JobFinishedError
    job.refresh_from_db()
    return job


def retry(*, user: User, job_id: UUID, then: Then = _nothing) -> BulkUploadJob:
    """Start a new job with what the old one left undone.

    After a completed job these are its refused rows, after a failed or cancelled one the whole
    table: rows that are there already are found unchanged. `then` is called as by `start`.
    Raises NothingToRetryError.
    """
    old = selectors.one_visible_to(user, job_id)
    job = BulkUploadJob(
        id=new_id(),
        user_id=_retrier(user, old),
        organization_id=old.organization_id,
        filename=old.filename,
        dry_run=old.dry_run,
        mapping=old.mapping,
        encoding=old.encoding,
        retry_of=old,
    )
    if old.status == JobStatus.COMPLETED_WITH_ERRORS and selectors.has_refused_rows(old):
        job.encoding = old.written_in.encoding  # the error file is written in it
        return _keep(job, error_file.error_file(old), then)
    if old.status in {JobStatus.FAILED, JobStatus.CANCELLED}:
        try:
            with private_store().open(old.source_key) as body:
                return _keep(job, body, then)
        except ObjectNotFoundError:
            raise NothingToRetryError("The uploaded file is gone; send it again.") from None
    raise NothingToRetryError


def _retrier(user: User, old: BulkUploadJob) -> UUID:
    """Return who a new job acts for: a member who asks, else whoever the old one acted for.

    Staff may retry what is not theirs; its rows and pictures are still of those who sent them. Who
    has left the organization since would only have the job cancelled.
    """
    if old.organization_id is None:
        return old.user_id
    is_member = organization_ids_of(user).filter(organization_id=old.organization_id).exists()
    has_left = not old.user.is_active or not may_write(old.user, old.scope)
    return user.pk if is_member or has_left else old.user_id


def _keep(job: BulkUploadJob, body: Body, then: Then) -> BulkUploadJob:
    """Store the bytes, then the row; whatever fails, no object stays without its row."""
    job.source_key = keys.private_key(keys.PrivateArea.BULK, job.pk, job.filename)
    deletions.queue_deletion_on_failure(
        job.source_key, bucket=Bucket.PRIVATE, reason=DeletionReason.EXPIRED
    )
    head: ObjectHead = private_store().put(job.source_key, body, headers=HEADERS)
    job.source_etag, job.source_size = head.etag, head.size
    reach("bulk-stored")
    with transaction.atomic():
        if not deletions.cancel_pending_deletion(job.source_key, bucket=Bucket.PRIVATE):
            raise StoringTooSlowError
        job.save(force_insert=True)
        deferred.plan(job.pk)
        then(job)
        reach("bulk-saving")
    reach("bulk-saved")
    return job
