"""The error file: the refused rows as the uploader wrote them, with what is wrong about each."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace

from bulkupload import selectors
from bulkupload.models import BulkUploadJob, BulkUploadRowError
from bulkupload.rules.rows.columns import COLUMNS
from bulkupload.rules.rows.formulas import protect
from bulkupload.rules.table.dialects import Dialect
from bulkupload.rules.table.encodings import LABELS
from bulkupload.rules.table.header import ERROR_COLUMNS

BUNDLE = 256 * 1024  # characters written at once
BETWEEN = "; "
FOR_EXCEL = Dialect(bom=3)  # without its mark Excel reads UTF-8 as Windows-1252


def error_file(job: BulkUploadJob) -> Iterator[bytes]:
    """Yield the refused rows in the uploader's own dialect; fixed, it can be sent as it is.

    Cells a spreadsheet might run begin with a quote; reading the file back takes it off again.
    """
    dialect = _dialect_of(job)
    names = [column.name for column in job.layout.columns]
    yield dialect.mark + _written(dialect, [[*map(protect, names), *ERROR_COLUMNS]])
    rows = (_row(errors, width=len(names)) for errors in selectors.refused_rows(job))
    for some in _bundles(rows):
        yield _written(dialect, some)


def charset_of(job: BulkUploadJob) -> str:
    """Return the name HTTP has for the error file's encoding."""
    return LABELS[_dialect_of(job).encoding]


def file_name_of(job: BulkUploadJob) -> str:
    """Return the name the error file is saved under."""
    return f"{job.filename.rpartition('.')[0] or job.filename}-errors.csv"


def template() -> bytes:
    """Return a table with every column and one row, as a start."""
    names = [column.field for column in COLUMNS]
    sample = [column.sample for column in COLUMNS]
    return FOR_EXCEL.mark + _written(FOR_EXCEL, [names, sample], quote=csv.QUOTE_MINIMAL)


def _bundles(rows: Iterable[list[str]]) -> Iterator[list[list[str]]]:
    some: list[list[str]] = []
    size = 0
    for row in rows:
        some.append(row)
        size += sum(map(len, row))
        if size > BUNDLE:
            yield some
            some, size = [], 0
    if some:
        yield some


def _dialect_of(job: BulkUploadJob) -> Dialect:
    """Return how the error file is written: as the table was, and a workbook for Excel."""
    if not job.dialect or job.written_in.format == "xlsx":
        return FOR_EXCEL
    if job.written_in.is_broken:
        # Most of what is left may be such bytes: read again, it would be taken for Windows-1252.
        return replace(job.written_in, bom=FOR_EXCEL.bom)
    return job.written_in


def _row(errors: list[BulkUploadRowError], *, width: int) -> list[str]:
    """Return a refused row: its cells, what is wrong, then the cells it has too many."""
    cells: list[str] = json.loads(next(error.cells for error in errors if error.cells))
    own = cells[:width] + [""] * (width - len(cells))
    wrong = (
        str(errors[0].line),
        BETWEEN.join(error.column for error in errors if error.column),
        BETWEEN.join(error.code for error in errors),
        BETWEEN.join(error.message for error in errors),
    )
    return [protect(cell) for cell in (*own, *wrong, *cells[width:])]


def _written(dialect: Dialect, rows: list[list[str]], *, quote: int = csv.QUOTE_ALL) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(
        text,
        delimiter=dialect.delimiter,
        lineterminator=dialect.line_ending,
        quoting=quote,  # type: ignore[arg-type]  # one of the csv module's own numbers
    )
    writer.writerows(rows)
    return dialect.encode(text.getvalue())
