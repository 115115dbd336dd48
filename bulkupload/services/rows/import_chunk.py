"""The task that imports one chunk: each row gets its outcome in one transaction, exactly once.

The products, the row errors, the counts and the chunk's status DONE commit together, under the
chunk's lease, and only while the job runs (`docs/design/bulk-upload.md`).
"""

import atexit
import io
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TextIO
from uuid import UUID

import structlog
from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models.functions import Now
from psycopg import errors as pg

from accounts.selectors import may_write
from bulkupload.errors import JobFailureError
from bulkupload.models import BulkUploadChunk, ChunkStatus, JobStatus
from bulkupload.rules.rows.checked_rows import RefusedRow, ValidRow
from bulkupload.rules.rows.cleaning import Cleaner
from bulkupload.rules.rows.repeated_skus import repeated_rows
from bulkupload.rules.table.csv_records import Lines, Records
from bulkupload.services import lifecycle, row_errors
from bulkupload.services.images import plan
from bulkupload.services.rows import leading_zeros, merge
from bulkupload.services.rows.failures import failure_of
from bulkupload.services.rows.merge import Counts
from bulkupload.services.rows.range_cache import ByteRange, RangeCache, TableVersion
from sartiq.core.errors import ContentionError
from sartiq.core.work import leases
from sartiq.core.work.crash_points import crash_point
from sartiq.core.work.gc_pause import paused_collection
from sartiq.core.work.leases import Lease
from sartiq.core.work.retry_policy import CONTENTION, RetryRowError
from sartiq.core.work.runner import Outcome, RowTask

log = structlog.get_logger(__name__)

MAX_TRIES = 5  # of one transaction, if other jobs change the same products
ATTEMPTS_EXHAUSTED = JobFailureError(
    "attempts_exhausted", "Some rows could not be imported in five attempts."
)
OWNER_GONE = "The user who started this bulk upload may no longer write there."
SOURCE_CHANGED = "The stored file has changed since it was split into chunks."
_range_cache = RangeCache()
atexit.register(_range_cache.close)


@dataclass(frozen=True, kw_only=True)
class CheckedChunk:
    """The rows of one chunk, each valid or refused."""

    fields: list[str]
    slots: list[str]
    valid: list[ValidRow]
    refused: list[RefusedRow]


def import_rows(chunk_id: UUID) -> None:
    """Import one chunk, once, however often the task is delivered."""
    chunk = BulkUploadChunk.objects.select_related("job").filter(pk=chunk_id).first()
    if chunk is None or not _may_run(chunk):
        return
    lease = leases.take(BulkUploadChunk.objects.unfinished().filter(pk=chunk_id))
    if lease is not None and TASK.run(lease) is not Outcome.STOPPED:
        crash_point("bulk-imported")
        lifecycle.advance(chunk.job_id)


def _may_run(chunk: BulkUploadChunk) -> bool:
    """Whether the chunk may run now: with repeated SKUs it waits for all chunks before it."""
    if chunk.job.status != JobStatus.RUNNING or chunk.status == ChunkStatus.DONE:
        return False
    earlier = BulkUploadChunk.objects.unfinished().filter(job=chunk.job, number__lt=chunk.number)
    return not chunk.repeated or not earlier.exists()


def _import(lease: Lease[BulkUploadChunk]) -> None:
    chunk = BulkUploadChunk.objects.select_related("job__user", "job__retry_of").get(pk=lease.pk)
    job = chunk.job
    if not job.user.is_active or not may_write(job.user, job.scope):
        lifecycle.cancel(job.pk, code="owner_gone", message=OWNER_GONE)
        raise lifecycle.JobStoppedError
    with paused_collection():
        _read_and_apply(lease, chunk)


def _fail(lease: Lease[BulkUploadChunk], failure: JobFailureError) -> None:
    lifecycle.fail(lease.rows.get().job_id, failure)


def _failure_of(error: Exception) -> JobFailureError | None:
    return ATTEMPTS_EXHAUSTED if isinstance(error, RetryRowError) else failure_of(error)


def _read_and_apply(lease: Lease[BulkUploadChunk], chunk: BulkUploadChunk) -> None:
    rows = _read(lease, chunk)
    crash_point("bulk-parsed")
    _apply(lease, chunk, rows)


def _read(lease: Lease[BulkUploadChunk], chunk: BulkUploadChunk) -> CheckedChunk:
    """Read the chunk's bytes and check its rows."""
    job, dialect = chunk.job, chunk.job.dialect_object
    table = TableVersion(key=job.rows_key, etag=job.rows_etag)
    byte_range = ByteRange(table=table, start=chunk.start, length=chunk.length)
    is_first_attempt = lease.attempts == 1  # it may have failed because the connection is slow
    with (
        _range_cache.open(
            byte_range, reads_ahead=is_first_attempt, on_progress=lease.renew_if_old
        ) as body,
        io.TextIOWrapper(body, dialect.encoding, dialect.errors, newline="") as text,
    ):
        return _check(chunk, text)


def _check(chunk: BulkUploadChunk, text: TextIO) -> CheckedChunk:
    job, dialect, layout = chunk.job, chunk.job.dialect_object, chunk.job.layout
    size_of = dialect.size_of()
    records = Records(
        Lines(text, size_of),
        delimiter=dialect.delimiter,
        size_of=size_of,
        line=chunk.first_line,
        by_record=dialect.format == "xlsx",
    )
    cleaner = Cleaner(
        layout,
        sku_width=job.sku_width,
        workbook=dialect.format == "xlsx",
        retried=job.is_error_file,
    )
    valid, refused = cleaner.check(records, first_row=chunk.first_row)
    if len(valid) + len(refused) != chunk.rows:
        raise JobFailureError("source_changed", SOURCE_CHANGED)
    valid, lost_zeros = leading_zeros.refuse_lost_zeros(job, valid)
    return CheckedChunk(
        fields=cleaner.fields, slots=cleaner.slots, valid=valid, refused=[*refused, *lost_zeros]
    )


def _apply(lease: Lease[BulkUploadChunk], chunk: BulkUploadChunk, rows: CheckedChunk) -> None:
    """Commit the chunk; try again if other transactions lock the same products for too long.

    After a statement timeout the next try gets more time, since the database may be slow. If only
    locks were in the way, the attempt of the task is not counted.
    """
    was_slow = False
    for tries in range(1, MAX_TRIES + 1):
        try:
            with lease.renewing() if was_slow else nullcontext():
                _commit(lease, chunk, rows, timeouts=tries if was_slow else 1)
        except OperationalError as error:
            if not isinstance(error.__cause__, CONTENTION):
                raise
            was_slow = was_slow or isinstance(error.__cause__, pg.QueryCanceled)
            log.info("bulk_chunk_contended", chunk_id=str(chunk.pk), tries=tries, slow=was_slow)
            lease.renew()
        else:
            return
    if was_slow:
        raise RetryRowError("a statement took too long")
    raise ContentionError


def _commit(
    lease: Lease[BulkUploadChunk], chunk: BulkUploadChunk, rows: CheckedChunk, *, timeouts: int
) -> None:
    job = chunk.job
    with transaction.atomic():
        if timeouts > 1:
            _set_statement_timeout(timeouts * settings.DATABASE_STATEMENT_SECONDS)
        counts = merge.merge(
            job,
            rows.fields,
            rows.valid,
            earlier_skus=set(chunk.repeated),
            locks_all=bool(rows.slots),  # their images are compared under these locks
        )
        crash_point("bulk-merged")
        row_errors.save_errors(job, rows.refused)
        repeats = repeated_rows(rows.valid, chunk.repeated)
        row_errors.save_repeated_skus(job, job.layout.name_of("sku"), repeats)
        images_refused = plan.plan_images(job, chunk, rows.slots, rows.valid)
        lease.require_held()
        lifecycle.require_running(job.pk)
        _mark_done(chunk, counts, failed=len(rows.refused), images_refused=images_refused)
        crash_point("bulk-marked")


def _set_statement_timeout(seconds: float) -> None:
    """Let the statements of this transaction run for this long."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('statement_timeout', %s, true)", [f"{int(seconds * 1000)}ms"]
        )


def _mark_done(chunk: BulkUploadChunk, counts: Counts, *, failed: int, images_refused: int) -> None:
    BulkUploadChunk.objects.filter(pk=chunk.pk).update(
        status=ChunkStatus.DONE,
        created=counts.created,
        updated=counts.updated,
        unchanged=counts.unchanged,
        failed=failed,
        images_refused=images_refused,
        finished_at=Now(),
        updated_at=Now(),
        lease_holder=None,
        lease_expires_at=None,
    )


TASK = RowTask(
    name="bulk_chunk",
    work=_import,
    fail=_fail,
    failure_of=_failure_of,
    attempts_exhausted=ATTEMPTS_EXHAUSTED,
)
