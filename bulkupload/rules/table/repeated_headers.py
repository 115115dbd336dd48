"""Skipping rows that repeat the header, as in concatenated files."""

from collections.abc import Iterable, Iterator

from bulkupload.rules.table.csv_records import PlainLines, Record
from bulkupload.rules.table.header import Layout


def without_headers(
    records: Iterable[Record], layout: Layout, lines: list[int] | None = None
) -> Iterator[Record]:
    """Yield the rows that do not repeat the header; add the lines of those that do to `lines`."""
    for record in records:
        if record.error is not None or not layout.is_header(record.cells):
            yield record
        elif lines is not None:
            lines.append(record.line)


def header_lines(plain: PlainLines, layout: Layout) -> list[int]:
    """Return the lines that repeat the header."""
    starts = layout.header_starts
    return [
        line
        for line, cells in enumerate(plain.rows, plain.line)
        if cells and cells[0] in starts and layout.is_header(cells)
    ]
