"""Starting, cancelling and retrying bulk uploads: the file is stored before the job is saved."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO
from uuid import UUID

from django.db import transaction

from accounts.models import OwnerScope, User
from accounts.selectors import may_write, organization_ids_of
from bulkupload import deferred, selectors
from bulkupload.errors import JobFinishedError, NothingToRetryError
from bulkupload.models import BulkUploadJob, JobStatus
from bulkupload.rules.table.file_type import format_of
from bulkupload.rules.table.header import Mapped
from bulkupload.services import error_file, lifecycle
from media.errors import ObjectNotFoundError
from media.rules import keys
from media.services import stored_objects
from media.services.stored_objects import StoredObject
from media.storage import ObjectHeaders, private_store
from sartiq.core.models import new_id
from sartiq.core.work.crash_points import crash_point

MAX_NAME_LENGTH = 255
HEADERS = ObjectHeaders(content_type="application/octet-stream", content_disposition="attachment")

Body = BinaryIO | Iterable[bytes]


@dataclass(frozen=True, kw_only=True)
class UploadedTable:
    """The file of a request, on the disk while the request runs, and how to import it."""

    body: BinaryIO
    size: int
    filename: str
    dry_run: bool = False
    mapping: Mapped = field(default_factory=dict)
    encoding: str = ""  # a codec of `encodings.LABELS`; empty if not stated


def start(*, user: User, scope: OwnerScope, table: UploadedTable) -> BulkUploadJob:
    """Store a table and have the workers import it, as `starting` does."""
    with starting(user=user, scope=scope, table=table) as job:
        return job


@contextmanager
def starting(*, user: User, scope: OwnerScope, table: UploadedTable) -> Iterator[BulkUploadJob]:
    """Store a table, save its job and have the workers import it.

    The transaction that saves the job commits when the block ends. Raises NotATableError,
    EmptyFileError or TableTooLargeError for a file that is refused, StoreUnavailableError or
    StoringTooSlowError when it cannot be stored now; then there is no job.
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
    stored = _store(job, table.body)
    with _saving(job, stored):
        yield job


def cancel(*, user: User, job_id: UUID) -> BulkUploadJob:
    """Cancel a job: imported chunks stay, no other starts. Raises JobFinishedError."""
    job = selectors.get_visible(user, job_id)
    if not lifecycle.cancel(job.pk):
        raise JobFinishedError
    job.refresh_from_db()
    return job


def retry(*, user: User, job_id: UUID) -> BulkUploadJob:
    """Start a new job with what the old one left undone, as `retrying` does."""
    with retrying(user=user, job_id=job_id) as job:
        return job


@contextmanager
def retrying(*, user: User, job_id: UUID) -> Iterator[BulkUploadJob]:
    """Start a new job with what the old one left undone.

    After a completed job these are its refused rows, after a failed or cancelled one the whole
    table, of which existing rows are unchanged. The transaction that saves the job
    commits when the block ends. Raises NothingToRetryError.
    """
    old = selectors.get_visible(user, job_id)
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
        job.encoding = old.dialect_object.encoding  # the error file is written in it
        stored = _store(job, error_file.error_file(old))
    elif old.status in {JobStatus.FAILED, JobStatus.CANCELLED}:
        try:
            with private_store().open(old.source_key) as body:
                stored = _store(job, body)
        except ObjectNotFoundError:
            raise NothingToRetryError("The uploaded file is gone. Send it again.") from None
    else:
        raise NothingToRetryError
    with _saving(job, stored):
        yield job


def _retrier(user: User, old: BulkUploadJob) -> UUID:
    """Return the user of a new job: a member who retries, else the user of the old job.

    Staff may retry jobs of others, to whom the rows and pictures still belong. For a user who has
    left the organization the job would only be cancelled.
    """
    if old.organization_id is None:
        return old.user_id
    is_member = organization_ids_of(user).filter(organization_id=old.organization_id).exists()
    has_left = not old.user.is_active or not may_write(old.user, old.scope)
    return user.pk if is_member or has_left else old.user_id


def _store(job: BulkUploadJob, body: Body) -> StoredObject:
    """Store the bytes of a job that is saved afterwards."""
    job.source_key = keys.private_key(keys.PrivateArea.BULK, job.pk, job.filename)
    stored = stored_objects.put(private_store(), job.source_key, body, headers=HEADERS)
    job.source_etag, job.source_size = stored.etag, stored.size
    crash_point("bulk-stored")
    return stored


@contextmanager
def _saving(job: BulkUploadJob, stored: StoredObject) -> Iterator[None]:
    """Save a job and have it planned; the transaction commits when the block ends."""
    with transaction.atomic():
        stored.cancel_deletion()
        job.save(force_insert=True)
        deferred.plan(job.pk)
        yield
        crash_point("bulk-saving")
    crash_point("bulk-saved")
