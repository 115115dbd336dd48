"""The child process that converts a workbook: `child.py SOURCE TARGET MEMORY SECONDS SIZE`.

The kernel limits its resources, because a small file may unpack to any size. It reads the mapping
of columns from its standard input and writes a SheetReport to its standard output, both as JSON.
"""

import csv
import json
import resource
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from bulkupload.rules.rows.excel_damage import DamagedText
from bulkupload.rules.table.header import FieldMapping
from bulkupload.rules.table.table_warnings import SheetReport
from bulkupload.services.workbook.cells import Row, reference_of, rows_of
from bulkupload.services.workbook.parts import Workbook
from bulkupload.services.workbook.tables import TablePosition, find_tables

LINE_ENDING = "\r\n"


def convert(book: Workbook, mapping: FieldMapping, out: TextIO) -> SheetReport:
    """Write the table of a workbook, with blank lines for empty rows to keep the row numbers."""
    # The csv module quotes a line break only if its own line end contains it, hence CRLF.
    writer = csv.writer(out, lineterminator=LINE_ENDING)
    tables = find_tables(book, mapping)
    if not tables:
        return SheetReport()
    table, *others = tables
    report = SheetReport(
        sheet=table.sheet.name,
        line=table.line,
        header=[cell for cell in table.header if cell.strip()],
        other_sheets=[other.sheet.name for other in others],
    )
    out.write(LINE_ENDING * (table.line - 1))
    writer.writerow(table.header)
    line = table.line
    for row in _data_rows(book, table):
        cells = _cells_of(row, table, report)
        if not cells:
            continue
        out.write(LINE_ENDING * (row.number - line - 1))
        writer.writerow(cells)
        line = row.number
        if row.is_hidden:
            report.add_hidden(line)
    return report


def _data_rows(book: Workbook, table: TablePosition) -> Iterator[Row]:
    return (row for row in rows_of(book, table.sheet.part) if row.number > table.line)


def _cells_of(row: Row, table: TablePosition, report: SheetReport) -> list[str]:
    """Return the cells of a row in the columns of the table, or [] if all of them are empty."""
    cells = [""] * len(table.header)
    for column, text in row.cells.items():
        at = column - table.left
        if not (0 <= at < len(cells) and table.header[at]):
            report.add_outside(reference_of(row.number, column), text)
        elif isinstance(text, DamagedText) and column in table.identifiers:
            cells[at] = text.marked
        else:
            cells[at] = text
    return cells if any(cells) else []


def main(source: str, target: str, memory: str, seconds: str, size: str) -> None:
    """Convert the table of a workbook."""
    resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds)))
    # A long text that many cells share is stored once in the workbook, but written for each cell.
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), int(size)))
    mapping = json.load(sys.stdin)
    with (
        zipfile.ZipFile(source) as archive,
        Path(target).open("w", encoding="utf-8", newline="") as out,
    ):
        report = convert(Workbook(archive), mapping, out)
    json.dump(asdict(report), sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
