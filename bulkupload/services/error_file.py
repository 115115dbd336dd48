"""The error file: the refused rows as they were sent, each with its errors."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta

from bulkupload import selectors
from bulkupload.models import BulkUploadJob, BulkUploadRowError
from bulkupload.rules.rows.columns import COLUMNS
from bulkupload.rules.rows.formulas import quote_formula
from bulkupload.rules.table.dialects import Dialect
from bulkupload.rules.table.encodings import LABELS
from bulkupload.rules.table.header import ERROR_COLUMNS, ERROR_SEPARATOR
from sartiq.core.limits import request_limits

DOWNLOAD_TIME = timedelta(seconds=60)  # as long as a proxy waits for a response
BATCH_LENGTH = 256 * 1024  # characters
FOR_EXCEL = Dialect(bom=3)  # without a byte order mark Excel reads UTF-8 as Windows-1252


def error_file(job: BulkUploadJob) -> Iterator[bytes]:
    """Yield the refused rows in the dialect of the table; users correct them and send them again.

    Cells that a spreadsheet might run begin with a quote, which is removed when the file is sent.
    """
    request_limits.extend_and_take_permit(DOWNLOAD_TIME)
    dialect = _dialect_of(job)
    names = [column.name for column in job.layout.columns]
    yield dialect.mark + _encode(dialect, [[*map(quote_formula, names), *ERROR_COLUMNS]])
    rows = (_row(errors, width=len(names)) for errors in selectors.refused_rows(job))
    for batch in _batches(rows):
        yield _encode(dialect, batch)


def charset_of(job: BulkUploadJob) -> str:
    """Return the HTTP name of the error file's encoding."""
    return LABELS[_dialect_of(job).encoding]


def file_name_of(job: BulkUploadJob) -> str:
    """Return the file name of the error file."""
    return f"{job.filename.rpartition('.')[0] or job.filename}-errors.csv"


def template() -> bytes:
    """Return a table with all columns and a sample row."""
    names = [column.field for column in COLUMNS]
    sample = [column.sample for column in COLUMNS]
    return FOR_EXCEL.mark + _encode(FOR_EXCEL, [names, sample], quote=csv.QUOTE_MINIMAL)


def _batches(rows: Iterable[list[str]]) -> Iterator[list[list[str]]]:
    batch: list[list[str]] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += sum(map(len, row))
        if size > BATCH_LENGTH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _dialect_of(job: BulkUploadJob) -> Dialect:
    """Return the dialect of the error file: that of the table, or one for Excel."""
    if not job.dialect or job.dialect_object.format == "xlsx":
        return FOR_EXCEL
    if job.dialect_object.is_broken:
        # The mark says UTF-8: without it, a file of mostly invalid bytes passes for Windows-1252.
        return replace(job.dialect_object, bom=FOR_EXCEL.bom)
    return job.dialect_object


def _row(errors: list[BulkUploadRowError], *, width: int) -> list[str]:
    """Return a refused row: the cells of its columns, its errors, then its additional cells."""
    cells: list[str] = json.loads(next(error.cells for error in errors if error.cells))
    table_cells = cells[:width] + [""] * (width - len(cells))
    error_cells = (
        str(errors[0].line),
        ERROR_SEPARATOR.join(error.column for error in errors if error.column),
        ERROR_SEPARATOR.join(error.code for error in errors),
        ERROR_SEPARATOR.join(error.message for error in errors),
    )
    return [quote_formula(cell) for cell in (*table_cells, *error_cells, *cells[width:])]


def _encode(dialect: Dialect, rows: list[list[str]], *, quote: int = csv.QUOTE_ALL) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(
        text,
        delimiter=dialect.delimiter,
        lineterminator=dialect.line_ending,
        quoting=quote,  # type: ignore[arg-type]  # typeshed wants a literal
    )
    writer.writerows(rows)
    return dialect.encode(text.getvalue())
