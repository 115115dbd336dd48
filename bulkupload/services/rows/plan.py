"""Splitting a job's file into chunks: read once, in the memory of one chunk."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import BinaryIO, TextIO
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from bulkupload import deferred
from bulkupload.errors import FileFaultError
from bulkupload.models import (
    TABLE_ROW,
    BulkUploadChunk,
    BulkUploadJob,
    BulkUploadRowError,
    ErrorSeverity,
    JobStatus,
)
from bulkupload.rules.limits import ROWS_AT_ONCE
from bulkupload.rules.rows.row_shape_errors import storable
from bulkupload.rules.table.chunk_planner import (
    ChunkPlan,
    ChunkPlanner,
    records_of,
    rows_above_header,
    with_first_lines,
)
from bulkupload.rules.table.dialects import (
    SAMPLE,
    Dialect,
    EncodingScan,
    tell_delimiter,
    tell_line_ending,
)
from bulkupload.rules.table.encodings import CONFIDENT, LABELS
from bulkupload.rules.table.file_type import ZIP
from bulkupload.rules.table.header import Layout
from bulkupload.rules.table.sheet_reports import (
    SheetReport,
    SheetWarning,
    header_place,
    header_warnings,
)
from bulkupload.services import lifecycle
from bulkupload.services.workbook import convert
from media.errors import ObjectNotFoundError, PreconditionFailedError
from media.rules import keys
from media.services import stored_objects
from media.services.stored_objects import StoredObject
from media.storage import ObjectHeaders, private_store
from sartiq.core import temporary_files
from sartiq.core.errors import UnavailableError
from sartiq.core.work import leases
from sartiq.core.work.crash_points import reach
from sartiq.core.work.gc_pause import paused_collection
from sartiq.core.work.leases import Lease
from sartiq.core.work.runner import RetryRowError, RowTask

log = structlog.get_logger(__name__)

SOURCE_GONE = FileFaultError("source_missing", "The uploaded file is gone. Send it again.")
ATTEMPTS_EXHAUSTED = FileFaultError(
    "attempts_exhausted", "The file could not be read in five attempts."
)
STORE_UNAVAILABLE = FileFaultError(
    "store_unavailable", "The file store did not answer. Retry later."
)
DISK_UNAVAILABLE = FileFaultError(
    "disk_unavailable", "Our disk did not take the file. Retry later."
)
ROWS_NAME = "rows.csv"
END_MARK = b"\x1a"
TAIL_BYTES = 4096


@dataclass(frozen=True, kw_only=True)
class Table:
    """A job's table on our disk, and the object its chunks will be ranges of."""

    body: BinaryIO
    dialect: Dialect
    key: str
    etag: str
    report: SheetReport | None = None  # of a workbook
    stored: StoredObject | None = None  # the CSV file of a workbook


def plan(job_id: UUID) -> None:
    """Split one job's file into chunks, once, however often the task is delivered."""
    lease = leases.take(BulkUploadJob.objects.unplanned().filter(pk=job_id))
    if lease is not None:
        TASK.run(lease)


def failure_of(error: Exception) -> FileFaultError | None:
    """Return what a job fails with because of an exception while its file was read."""
    if isinstance(error, FileFaultError):
        return error
    if isinstance(error, (ObjectNotFoundError, PreconditionFailedError)):
        return SOURCE_GONE
    if isinstance(error, (UnavailableError, RetryRowError)):
        return STORE_UNAVAILABLE
    return DISK_UNAVAILABLE if isinstance(error, OSError) else None


def _plan(lease: Lease[BulkUploadJob]) -> None:
    job = lease.rows.get()
    BulkUploadJob.objects.filter(pk=job.pk, status=JobStatus.QUEUED).update(
        status=JobStatus.RUNNING, started_at=Now(), updated_at=Now()
    )
    with _opened(lease, job) as table:
        outline = _planned_chunks(lease, job, table)
        reach("bulk-outlined")
        _keep(lease, job, table, outline)


@contextmanager
def _opened(lease: Lease[BulkUploadJob], job: BulkUploadJob) -> Iterator[Table]:
    """Bring the file to our disk; a workbook's table becomes a CSV of its own."""
    with temporary_files.nameless_file() as source, temporary_files.nameless_file() as rows:
        scan = EncodingScan(declared=job.encoding)
        _download(lease, job, source, scan)
        reach("bulk-downloaded")
        source.seek(0)
        if source.read(len(ZIP)) == ZIP:
            yield _sheet(lease, job, source, rows)
        else:
            dialect = _dialect(source, scan.result(), job)
            _cut_end_mark(source, dialect)
            yield Table(body=source, dialect=dialect, key=job.source_key, etag=job.source_etag)


def _download(
    lease: Lease[BulkUploadJob], job: BulkUploadJob, target: BinaryIO, scan: EncodingScan
) -> None:
    with private_store().open(job.source_key, if_match=job.source_etag) as reader:
        for data in reader:
            target.write(data)
            scan.feed(data)
            lease.renew_if_old()
    target.flush()


def _sheet(
    lease: Lease[BulkUploadJob], job: BulkUploadJob, source: BinaryIO, rows: BinaryIO
) -> Table:
    report = convert.convert(source, rows, mapping=job.mapping, watch=lease.renew_if_old)
    key = keys.private_key(keys.PrivateArea.BULK, job.pk, f"{lease.fence}", ROWS_NAME)
    rows.seek(0)
    headers = ObjectHeaders(content_type="text/csv")
    stored = stored_objects.put(private_store(), key, rows, headers=headers)
    dialect = Dialect(format="xlsx")
    return Table(
        body=rows, dialect=dialect, key=key, etag=stored.etag, report=report, stored=stored
    )


def _dialect(body: BinaryIO, told: Dialect, job: BulkUploadJob) -> Dialect:
    body.seek(told.bom)
    sample = body.read(SAMPLE * 2).decode(told.encoding, "replace")[:SAMPLE]
    return replace(
        told,
        delimiter=tell_delimiter(sample, job.mapping),
        line_ending=tell_line_ending(sample),
    )


def _cut_end_mark(body: BinaryIO, dialect: Dialect) -> None:
    """Cut every Ctrl-Z off the end of our copy of a text: DOS programs fill a last block so."""
    if dialect.encoding.startswith("utf-16"):  # those programs knew none
        return
    size = body.seek(0, io.SEEK_END)
    body.seek(max(size - TAIL_BYTES, 0))
    tail = body.read()
    text = tail.rstrip(b"\r\n" + END_MARK)
    if END_MARK in tail[len(text) :]:
        body.truncate(size - len(tail) + len(text))


def _planned_chunks(lease: Lease[BulkUploadJob], job: BulkUploadJob, table: Table) -> ChunkPlan:
    """Return the outline, or say how a refused table was read: often that is what is wrong.

    With its columns a client can ask for the mapping that was missing.
    """
    try:
        return _outline(lease, job, table)
    except FileFaultError as fault:
        if table.report and table.report.line and fault.line == table.report.line:
            fault.message = f"{fault.message} {table.report.place}"
        elif fault.columns and fault.line:
            names = [str(column["name"]) for column in fault.columns]
            fault.message = f"{fault.message} {header_place(fault.line, names)}"
        BulkUploadJob.objects.unplanned().filter(pk=job.pk).update(
            dialect=table.dialect.stored(), columns=[*fault.columns]
        )
        raise


def _outline(lease: Lease[BulkUploadJob], job: BulkUploadJob, table: Table) -> ChunkPlan:
    dialect, mapping = table.dialect, job.mapping
    size = table.body.seek(0, io.SEEK_END)
    try:
        with _text_of(table) as text:
            skip = rows_above_header(records_of(text, dialect), mapping)
        with _text_of(table) as text, paused_collection():
            outline = ChunkPlanner(
                text,
                dialect,
                mapping=mapping,
                chunk_rows=settings.BULK_CHUNK_ROWS,
                size=size,
                watch=lease.renew_if_old,
                skip=skip,
            ).make()
        if any(part.repeated for part in outline.parts):
            layout = Layout.of(outline.columns)
            with _text_of(table) as text, paused_collection():
                parts = with_first_lines(outline.parts, records_of(text, dialect), layout)
            outline = replace(outline, parts=parts)
    except UnicodeDecodeError:
        message = "The file ends in the middle of a UTF-16 character. Save it again."
        raise FileFaultError("unreadable", message) from None
    else:
        return outline


@contextmanager
def _text_of(table: Table) -> Iterator[TextIO]:
    """Yield a table's text from behind its byte order mark; the file stays open."""
    table.body.seek(table.dialect.bom)
    text = io.TextIOWrapper(table.body, table.dialect.encoding, table.dialect.errors, newline="")
    try:
        yield text
    finally:
        text.detach()


def _keep(lease: Lease[BulkUploadJob], job: BulkUploadJob, table: Table, plan: ChunkPlan) -> None:
    """Write the chunks and tell the workers, all or nothing."""
    chunks = [
        BulkUploadChunk(job=job, number=number, sent_at=Now(), **asdict(part))
        for number, part in enumerate(plan.parts)
    ]
    with transaction.atomic():
        row = lease.require_held()
        if row.is_finished:
            return
        if table.stored:
            table.stored.cancel_deletion()
        BulkUploadChunk.objects.bulk_create(chunks, batch_size=ROWS_AT_ONCE)
        BulkUploadRowError.objects.bulk_create(_warnings_of(job, table, plan))
        row.dialect, row.columns = table.dialect.stored(), [asdict(c) for c in plan.columns]
        row.rows_key, row.rows_etag = table.key, table.etag
        row.total_rows, row.sku_width = plan.total_rows, plan.sku_width
        row.planned_at, row.lease_holder, row.lease_expires_at = Now(), None, None
        row.save()
        for chunk in chunks:
            if not chunk.repeated:
                deferred.import_chunk(chunk.pk)
        reach("bulk-planning")
    reach("bulk-planned")
    lifecycle.advance(job.pk)


def _warnings_of(job: BulkUploadJob, table: Table, outline: ChunkPlan) -> list[BulkUploadRowError]:
    """Return what is to be known about the table as a whole, which is row 0."""
    warnings = [*_encoding_warnings(table.dialect), *header_warnings(outline.header_lines)]
    if table.report:
        warnings += table.report.warnings()
    return [
        BulkUploadRowError(
            job=job,
            row=TABLE_ROW,
            position=position,
            line=each.line,
            severity=ErrorSeverity.WARNING,
            code=each.code,
            message=storable(each.message),
        )
        for position, each in enumerate(warnings)
    ]


def _encoding_warnings(dialect: Dialect) -> list[SheetWarning]:
    if dialect.confidence >= CONFIDENT:
        return []
    message = (
        f"The file is not UTF-8; it was read as {LABELS[dialect.encoding]}. If letters came out "
        "wrong, send it again with the field encoding, such as encoding=windows-1252, or save it "
        "as UTF-8."
    )
    return [SheetWarning("encoding_guessed", message, 1)]


def _fail(lease: Lease[BulkUploadJob], fault: FileFaultError) -> None:
    with transaction.atomic():
        lifecycle.fail(lease.require_held().pk, fault)


TASK = RowTask(
    name="bulk_plan",
    work=_plan,
    fail=_fail,
    failure_of=failure_of,
    attempts_exhausted=ATTEMPTS_EXHAUSTED,
)
