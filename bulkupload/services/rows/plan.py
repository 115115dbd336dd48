"""The task that splits a job's file into chunks, with one chunk in memory.

The rows of a chunk are `BULK_CHUNK_ROWS` (sartiq/settings/environment.py).
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import BinaryIO
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from bulkupload import enqueue
from bulkupload.errors import JobFailureError
from bulkupload.models import BulkUploadChunk, BulkUploadJob, JobStatus
from bulkupload.rules.limits import INSERT_BATCH_SIZE
from bulkupload.rules.table.chunk_planner import ChunkPlan, ChunkPlanner, with_first_lines
from bulkupload.rules.table.dialects import Dialect
from bulkupload.rules.table.file_type import ZIP
from bulkupload.rules.table.header import Layout
from bulkupload.rules.table.header_row import records_of, rows_above_header
from bulkupload.rules.table.table_warnings import (
    SheetReport,
    TableWarning,
    describe_header,
    encoding_warnings,
    header_warnings,
)
from bulkupload.services import lifecycle, row_errors
from bulkupload.services.rows.downloaded_table import (
    dialect_of,
    download,
    open_text,
    strip_ctrl_z,
)
from bulkupload.services.rows.failures import failure_of
from bulkupload.services.workbook import convert
from media.rules import keys
from media.services import stored_objects
from media.services.stored_objects import StoredObject
from media.storage import ObjectHeaders, private_store
from sartiq.core import temporary_files
from sartiq.core.work import leases
from sartiq.core.work.crash_points import crash_point
from sartiq.core.work.gc_pause import paused_collection
from sartiq.core.work.leases import Lease
from sartiq.core.work.runner import RowTask

ATTEMPTS_EXHAUSTED = JobFailureError(
    "attempts_exhausted", "The file could not be read in five attempts."
)
ROWS_NAME = "rows.csv"


@dataclass(frozen=True, kw_only=True)
class DownloadedTable:
    """A job's table on the worker's disk, and the stored object that its chunks are ranges of."""

    body: BinaryIO
    dialect: Dialect
    key: str
    etag: str
    report: SheetReport | None = None  # only for a workbook
    stored: StoredObject | None = None  # the CSV file made from a workbook


def plan_chunks(job_id: UUID) -> None:
    """Split one job's file into chunks, once, however often the task is delivered."""
    lease = leases.take(BulkUploadJob.objects.unplanned().filter(pk=job_id))
    if lease is not None:
        TASK.run(lease)


def _plan(lease: Lease[BulkUploadJob]) -> None:
    job = lease.rows.get()
    BulkUploadJob.objects.filter(pk=job.pk, status=JobStatus.QUEUED).update(
        status=JobStatus.RUNNING, started_at=Now(), updated_at=Now()
    )
    with _open_table(lease, job) as table:
        chunk_plan = _plan_or_describe(lease, job, table)
        crash_point("bulk-chunks-planned")
        _save(lease, job, table, chunk_plan)


@contextmanager
def _open_table(lease: Lease[BulkUploadJob], job: BulkUploadJob) -> Iterator[DownloadedTable]:
    """Download the file; convert the table of a workbook to CSV and store that too."""
    with temporary_files.nameless_file() as source, temporary_files.nameless_file() as rows:
        scan = download(job, source, on_progress=lease.renew_if_old)
        crash_point("bulk-downloaded")
        source.seek(0)
        if source.read(len(ZIP)) == ZIP:
            yield _convert(lease, job, source, rows)
        else:
            dialect = dialect_of(source, scan.result(), job)
            strip_ctrl_z(source, dialect)
            yield DownloadedTable(
                body=source, dialect=dialect, key=job.source_key, etag=job.source_etag
            )


def _convert(
    lease: Lease[BulkUploadJob], job: BulkUploadJob, source: BinaryIO, rows: BinaryIO
) -> DownloadedTable:
    report = convert.to_csv(source, rows, mapping=job.mapping, on_progress=lease.renew_if_old)
    key = keys.private_key(keys.PrivateArea.BULK, job.pk, f"{lease.fence}", ROWS_NAME)
    rows.seek(0)
    headers = ObjectHeaders(content_type="text/csv")
    stored = stored_objects.put(private_store(), key, rows, headers=headers)
    dialect = Dialect(format="xlsx")
    return DownloadedTable(
        body=rows, dialect=dialect, key=key, etag=stored.etag, report=report, stored=stored
    )


def _plan_or_describe(
    lease: Lease[BulkUploadJob], job: BulkUploadJob, table: DownloadedTable
) -> ChunkPlan:
    """Return the chunks of a table; if it is refused, save its dialect and its columns.

    They often show what is wrong, and a client can use them to ask the user for a mapping.
    """
    try:
        return _chunk_plan(lease, job, table)
    except JobFailureError as error:
        if table.report and table.report.line and error.line == table.report.line:
            error.message = f"{error.message} {table.report.header_description}"
        elif error.columns and error.line:
            names = [str(column["name"]) for column in error.columns]
            error.message = f"{error.message} {describe_header(error.line, names)}"
        BulkUploadJob.objects.unplanned().filter(pk=job.pk).update(
            dialect=table.dialect.as_dict(), columns=[*error.columns]
        )
        raise


def _chunk_plan(
    lease: Lease[BulkUploadJob], job: BulkUploadJob, table: DownloadedTable
) -> ChunkPlan:
    body, dialect, mapping = table.body, table.dialect, job.mapping
    size = body.seek(0, io.SEEK_END)
    try:
        with open_text(body, dialect) as text:
            skip = rows_above_header(records_of(text, dialect), mapping)
        with open_text(body, dialect) as text, paused_collection():
            chunk_plan = ChunkPlanner(
                text,
                dialect,
                mapping=mapping,
                chunk_rows=settings.BULK_CHUNK_ROWS,
                size=size,
                on_progress=lease.renew_if_old,
                skip=skip,
            ).plan()
        if any(chunk.repeated for chunk in chunk_plan.ranges):
            layout = Layout.of(chunk_plan.columns)
            with open_text(body, dialect) as text, paused_collection():
                ranges = with_first_lines(chunk_plan.ranges, records_of(text, dialect), layout)
            chunk_plan = replace(chunk_plan, ranges=ranges)
    except UnicodeDecodeError:
        message = "The file ends in the middle of a UTF-16 character. Save it again."
        raise JobFailureError("unreadable", message) from None
    else:
        return chunk_plan


def _save(
    lease: Lease[BulkUploadJob], job: BulkUploadJob, table: DownloadedTable, plan: ChunkPlan
) -> None:
    """Save the chunks and enqueue them, all or nothing."""
    chunks = [
        BulkUploadChunk(job=job, number=number, sent_at=Now(), **asdict(chunk_range))
        for number, chunk_range in enumerate(plan.ranges)
    ]
    with transaction.atomic():
        row = lease.require_held()
        if row.is_finished:
            return
        if table.stored:
            table.stored.cancel_deletion()
        BulkUploadChunk.objects.bulk_create(chunks, batch_size=INSERT_BATCH_SIZE)
        row_errors.save_table_warnings(job, _warnings_of(table, plan))
        row.dialect, row.columns = (
            table.dialect.as_dict(),
            [asdict(column) for column in plan.columns],
        )
        row.rows_key, row.rows_etag = table.key, table.etag
        row.total_rows, row.sku_width = plan.total_rows, plan.sku_width
        row.planned_at, row.lease_holder, row.lease_expires_at = Now(), None, None
        row.save()
        for chunk in chunks:
            if not chunk.repeated:
                enqueue.import_chunk(chunk.pk)
        crash_point("bulk-planning")
    crash_point("bulk-planned")
    lifecycle.advance(job.pk)


def _warnings_of(table: DownloadedTable, plan: ChunkPlan) -> list[TableWarning]:
    warnings = [*encoding_warnings(table.dialect), *header_warnings(plan.header_lines)]
    return warnings + table.report.warnings() if table.report else warnings


def _fail(lease: Lease[BulkUploadJob], failure: JobFailureError) -> None:
    with transaction.atomic():
        lifecycle.fail(lease.require_held().pk, failure)


TASK = RowTask(
    name="bulk_plan",
    work=_plan,
    fail=_fail,
    failure_of=failure_of,
    attempts_exhausted=ATTEMPTS_EXHAUSTED,
)
