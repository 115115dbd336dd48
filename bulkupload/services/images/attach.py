"""The task that attaches the images of one batch to their products.

`media.services.ingest` checks the bytes outside any transaction. The slots of the products, the
outcomes of the images and the warnings commit together, under the batch's lease, and only while the
job runs. Rows that a later row has replaced in the meantime are skipped.
"""

from uuid import UUID

import structlog
from django.db import transaction

from accounts.selectors import may_write
from bulkupload.models import (
    BatchStatus,
    BulkUploadMedia,
    BulkUploadMediaBatch,
    JobStatus,
    MediaStatus,
    RemoteStatus,
)
from bulkupload.services import lifecycle, row_errors
from bulkupload.services.images import finish, outcomes, remote_cache
from bulkupload.services.images.attach_products import (
    attach_products,
    pending_of,
    split,
    warning_of,
)
from bulkupload.services.images.outcomes import ImageCounts
from bulkupload.services.images.stored_urls import (
    Refusal,
    StoredUrls,
    refusals_in,
    stored_urls_of,
)
from bulkupload.services.rows.import_chunk import OWNER_GONE
from media.errors import (
    IngestTimeError,
    RequestFilesTooLargeError,
)
from sartiq.core.errors import InvalidValuesError, UnavailableError
from sartiq.core.work import leases
from sartiq.core.work.crash_points import crash_point
from sartiq.core.work.leases import Lease
from sartiq.core.work.retry_policy import RetryRowError
from sartiq.core.work.runner import Outcome, RowTask

log = structlog.get_logger(__name__)

ATTEMPTS_EXHAUSTED = Refusal(
    code="attempts_exhausted",
    message="The image could not be attached in five attempts. Retry later.",
)
STORE_UNAVAILABLE = Refusal(
    code="store_unavailable", message="The file store did not answer. Retry the upload later."
)
TOO_LARGE = Refusal(
    code="request_too_large",
    message="The images of one product are larger than 500 MiB together. Send fewer.",
)


def attach(batch_id: UUID) -> None:
    """Attach the images of one batch, once, however often the task is delivered."""
    batch = BulkUploadMediaBatch.objects.select_related("job").filter(pk=batch_id).first()
    if batch is None or batch.job.status != JobStatus.RUNNING:
        return
    unfinished = BulkUploadMediaBatch.objects.unfinished().filter(pk=batch_id)
    lease = leases.take(unfinished.exclude(remotes__status=RemoteStatus.WAITING))
    if lease is not None and TASK.run(lease) is not Outcome.STOPPED:
        crash_point("media-attached")
        finish.update_outcomes(batch.job_id, batch_id=batch.pk)
        lifecycle.advance(batch.job_id)


def _attach(lease: Lease[BulkUploadMediaBatch]) -> None:
    batch = BulkUploadMediaBatch.objects.select_related("job__user").get(pk=lease.pk)
    job = batch.job
    if not job.user.is_active or not may_write(job.user, job.scope):
        lifecycle.cancel(job.pk, code="owner_gone", message=OWNER_GONE)
        raise lifecycle.JobStoppedError
    _attach_batch(lease, batch)


def _failure_of(error: Exception) -> Refusal | None:
    is_outage = isinstance(error, (UnavailableError, OSError, RetryRowError))
    return STORE_UNAVAILABLE if is_outage else None


def _attach_batch(lease: Lease[BulkUploadMediaBatch], batch: BulkUploadMediaBatch) -> None:
    """Attach the images in parts; after each failed attempt the parts are smaller."""
    rows = list(pending_of(batch))
    remotes = remote_cache.find(batch.job.scope, {url for row in rows for url in row.urls})
    stored_urls = stored_urls_of(rows, remotes)
    for part in split(rows, into=2 ** (lease.attempts - 1)):
        _attach_part(lease, batch, part, stored_urls)
    with transaction.atomic():
        lease.require_held()
        lifecycle.require_running(batch.job_id)
        _mark_done(batch)


def _attach_part(
    lease: Lease[BulkUploadMediaBatch],
    batch: BulkUploadMediaBatch,
    part: list[BulkUploadMedia],
    stored_urls: StoredUrls,
) -> None:
    """Attach the images of some rows: without the refused ones, and in halves if they are large."""
    remaining = [part]
    while remaining:
        rows = remaining.pop()
        lease.renew()
        try:
            with lease.renewing():  # reading the files may take longer than a lease
                attach_products(lease, batch, rows, stored_urls)
        except InvalidValuesError as error:
            stored_urls = stored_urls.with_refused(refusals_in(error, batch.job))
            remaining.append(rows)
        except (RequestFilesTooLargeError, IngestTimeError) as error:
            halves = list(split(rows, into=2))
            if len(halves) > 1:
                remaining.extend(reversed(halves))
            elif isinstance(error, IngestTimeError):  # the store may only be slow now
                raise RetryRowError(str(error)) from error
            else:
                too_large = dict.fromkeys(stored_urls.usable(rows), TOO_LARGE)
                attach_products(lease, batch, rows, stored_urls.with_refused(too_large))


def _fail(lease: Lease[BulkUploadMediaBatch], refusal: Refusal) -> None:
    """Save a warning for every image of a batch that could not be attached."""
    batch = BulkUploadMediaBatch.objects.select_related("job").get(pk=lease.pk)
    with transaction.atomic():
        lease.require_held()
        lifecycle.require_running(batch.job_id)
        rows = list(pending_of(batch).select_for_update(of=("self",)))
        warnings = [
            warning_of(row, index, refusal) for row in rows for index in range(len(row.urls) or 1)
        ]
        row_errors.save_warnings(batch.job, warnings)
        outcomes.save(
            [(row, MediaStatus.FAILED, ImageCounts(failed=len(row.urls))) for row in rows]
        )
        _mark_done(batch)


def _mark_done(batch: BulkUploadMediaBatch) -> None:
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
