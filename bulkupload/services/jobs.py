"""Starting, cancelling and retrying bulk uploads; a file is stored before its job is saved."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO
from uuid import UUID

from django.db import transaction

from accounts.models import OwnerScope, User
from accounts.selectors import may_write, organization_ids_of
from bulkupload import enqueue, selectors
from bulkupload.actions import ImportAction
from bulkupload.errors import JobFinishedError, NothingToRetryError
from bulkupload.models import BulkUploadJob, JobStatus
from bulkupload.rules.table.file_type import format_of
from bulkupload.rules.table.header import FieldMapping
from bulkupload.services import error_file, lifecycle
from media.errors import ObjectNotFoundError
from media.rules import keys, limits
from media.services import stored_objects
from media.services.stored_objects import StoredObject
from media.storage import ObjectHeaders, private_store
from sartiq.core import events
from sartiq.core.limits import request_limits
from sartiq.core.models import new_id
from sartiq.core.work.crash_points import crash_point

MAX_NAME_LENGTH = 255
HEADERS = ObjectHeaders(content_type="application/octet-stream", content_disposition="attachment")

Body = BinaryIO | Iterable[bytes]


@dataclass(frozen=True, kw_only=True)
class UploadedTable:
    """The file of a request, which is on disk until the request ends, and how to import it."""

    body: BinaryIO
    size: int
    filename: str
    dry_run: bool = False
    mapping: FieldMapping = field(default_factory=dict)
    encoding: str = ""  # a codec of `encodings.LABELS`; empty if not stated


def start(*, user: User, scope: OwnerScope, table: UploadedTable) -> BulkUploadJob:
    """Store a table, save its job and enqueue its import; see `starting`."""
    with starting(user=user, scope=scope, table=table) as job:
        return job


@contextmanager
def starting(*, user: User, scope: OwnerScope, table: UploadedTable) -> Iterator[BulkUploadJob]:
    """Store a table, save its job and enqueue its import.

    The `with` block runs in the transaction that saves the job. Raises NotATableError,
    EmptyFileError or TableTooLargeError for a file that is refused, and StoreUnavailableError or
    StoringTooSlowError if it cannot be stored now. In these cases no job is saved.
    """
    request_limits.extend(limits.request_budget(table.size))
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
    with _save_and_plan(job, stored):
        yield job


def cancel(*, user: User, job_id: UUID) -> BulkUploadJob:
    """Cancel a job: imported chunks stay, no other one starts. Raises JobFinishedError."""
    job = selectors.get_visible(user, job_id)
    if not lifecycle.cancel(job.pk):
        raise JobFinishedError
    job.refresh_from_db()
    return job


def retry(*, user: User, job_id: UUID) -> BulkUploadJob:
    """Start a new job with what the old one did not import; see `retrying`."""
    with retrying(user=user, job_id=job_id) as job:
        return job


@contextmanager
def retrying(*, user: User, job_id: UUID) -> Iterator[BulkUploadJob]:
    """Start a new job with what the old one did not import.

    For a completed job these are its refused rows, for a failed or cancelled one the whole table:
    its imported rows are then counted as unchanged. The `with` block runs in the transaction that
    saves the job. Raises NothingToRetryError.
    """
    old = selectors.get_visible(user, job_id)
    request_limits.extend(limits.request_budget(old.source_size))
    job = _new_retry(user, old)
    stored = _store_unfinished_rows(job, old)
    with _save_and_plan(job, stored):
        yield job


def _new_retry(user: User, old: BulkUploadJob) -> BulkUploadJob:
    return BulkUploadJob(
        id=new_id(),
        user_id=_user_of_retry(user, old),
        organization_id=old.organization_id,
        filename=old.filename,
        dry_run=old.dry_run,
        mapping=old.mapping,
        encoding=old.encoding,
        retry_of=old,
    )


def _store_unfinished_rows(job: BulkUploadJob, old: BulkUploadJob) -> StoredObject:
    """Store the refused rows of a completed job, or the whole file of one that did not complete."""
    if old.status == JobStatus.COMPLETED_WITH_ERRORS and selectors.has_refused_rows(old):
        job.encoding = old.dialect_object.encoding  # the error file has the same one
        return _store(job, error_file.error_file(old))
    if old.status not in {JobStatus.FAILED, JobStatus.CANCELLED}:
        raise NothingToRetryError
    try:
        with private_store().open(old.source_key) as body:
            return _store(job, body)
    except ObjectNotFoundError:
        raise NothingToRetryError("The uploaded file is gone. Send it again.") from None


def _user_of_retry(user: User, old: BulkUploadJob) -> UUID:
    """Return the user of a retried job.

    A member of the organization retries in their own name. If staff retry the job, it still belongs
    to its old user, unless that user has left the organization: then it would only be cancelled.
    """
    if old.organization_id is None:
        return old.user_id
    is_member = organization_ids_of(user).filter(organization_id=old.organization_id).exists()
    has_left = not old.user.is_active or not may_write(old.user, old.scope)
    return user.pk if is_member or has_left else old.user_id


def _store(job: BulkUploadJob, body: Body) -> StoredObject:
    """Store the file of a job, before the job is saved."""
    job.source_key = keys.private_key(keys.PrivateArea.BULK, job.pk, job.filename)
    stored = stored_objects.put(private_store(), job.source_key, body, headers=HEADERS)
    job.source_etag, job.source_size = stored.etag, stored.size
    crash_point("bulk-stored")
    return stored


@contextmanager
def _save_and_plan(job: BulkUploadJob, stored: StoredObject) -> Iterator[None]:
    """Save a job and enqueue its planning; the transaction commits when the `with` block ends."""
    with transaction.atomic():
        stored.cancel_deletion()
        job.save(force_insert=True)
        enqueue.plan_chunks(job.pk)
        if job.retry_of is not None:
            events.record(ImportAction.RETRIED, job.retry_of, by=job.pk)
        events.record(ImportAction.STARTED, job, bytes=job.source_size, dry_run=job.dry_run)
        yield
        crash_point("bulk-saving")
    crash_point("bulk-saved")
