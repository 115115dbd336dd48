"""The rows of an open table, and its header among them."""

from collections.abc import Iterator
from typing import Final, TextIO

from bulkupload.errors import JobFailureError
from bulkupload.rules.table.csv_records import Lines, Record, Records
from bulkupload.rules.table.dialects import Dialect
from bulkupload.rules.table.header import FieldMapping
from bulkupload.rules.table.header_search import find_header

_SEPARATOR_CELL: Final = "sep="  # Excel's `sep=;` line has two cells: this and an empty one
_SEPARATOR_CELLS: Final = 2


def records_of(stream: TextIO, dialect: Dialect) -> Records:
    """Return the rows of a table opened as text after its byte order mark."""
    size_of = dialect.size_of()
    return Records(
        Lines(stream, size_of),
        delimiter=dialect.delimiter,
        size_of=size_of,
        offset=dialect.bom,
        by_record=dialect.format == "xlsx",
    )


def rows_above_header(records: Records, mapping: FieldMapping) -> int:
    """Return the number of rows, such as a title, above the header of a table."""
    rows = ((at, row.cells) for at, row in enumerate(records) if not _is_separator_line(row))
    header = find_header(rows, mapping)
    return header.line if header and header.fields else 0


def take_header(rows: Iterator[Record]) -> Record:
    """Return the first row that is not Excel's `sep=` line."""
    for row in rows:
        if row.error is not None:
            raise JobFailureError("no_header", f"The header: {row.error.message}", line=row.line)
        if not _is_separator_line(row):
            return row
    raise JobFailureError(
        "no_header",
        "The table is empty: its first row must name the columns. "
        "Hidden sheets of a workbook are not read.",
    )


def _is_separator_line(row: Record) -> bool:
    return len(row.cells) == _SEPARATOR_CELLS and row.cells[0].strip().lower() == _SEPARATOR_CELL
