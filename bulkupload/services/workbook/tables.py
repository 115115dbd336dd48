"""Finding the table of a workbook: its sheet, its header and its columns."""

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple
from xml.parsers import expat

from bulkupload.rules.table.header import FieldMapping, fields_of
from bulkupload.rules.table.header_search import HEADER_ROWS, HeaderCandidate, find_header
from bulkupload.services.workbook.cells import Merge, Row, rows_of, vertical_merges
from bulkupload.services.workbook.parts import Sheet, Workbook
from bulkupload.services.workbook.xml_reader import DoctypeError

# Raised for a broken sheet, which is skipped: another sheet may have the table.
BROKEN_SHEET_ERRORS = (
    *(expat.ExpatError, DoctypeError, zipfile.BadZipFile, zlib.error, ValueError, LookupError),
)
IDENTIFIER_FIELDS = ("sku",)  # a date in one of them is always a mistake of Excel


@dataclass(frozen=True, kw_only=True)
class TablePosition:
    """The position of a table: its sheet, the line of its header and its first column, `left`.

    `identifiers` are the columns of fields that identify products.
    """

    sheet: Sheet
    line: int
    left: int
    header: Sequence[str]
    identifiers: frozenset[int]


class _Candidate(NamedTuple):
    header: HeaderCandidate
    sheet: Sheet


def find_tables(book: Workbook, mapping: FieldMapping) -> list[TablePosition]:
    """Return the tables of a workbook, the one to import first.

    If no sheet has all required fields, returns only the one with the most fields.
    """
    candidates: list[_Candidate] = []
    error: Exception | None = None
    for sheet in book.shown_sheets:
        try:
            header = _header_of(book, sheet, mapping)
        except BROKEN_SHEET_ERRORS as sheet_error:
            error = sheet_error
        else:
            candidates += [_Candidate(header, sheet)] if header else []
    if error and not candidates:
        raise error
    complete = [candidate for candidate in candidates if candidate.header.has_required_fields]
    best = complete or sorted(candidates, key=lambda candidate: -candidate.header.fields)[:1]
    return [_position(candidate, mapping) for candidate in best]


def _header_of(book: Workbook, sheet: Sheet, mapping: FieldMapping) -> HeaderCandidate | None:
    head = list(islice(rows_of(book, sheet.part), HEADER_ROWS))
    if not head:
        return None
    merges = vertical_merges(book, sheet.part, last_row=head[-1].number)
    rows = [(row.number, _cells_of(_with_merged_cells(row, head, merges))) for row in head]
    header = find_header(rows, mapping)
    if header is None:
        return None
    # A cell of the header may be merged with the one below: the lower line may have more names.
    bottom = max((m.bottom for m in merges if m.top <= header.line <= m.bottom), default=0)
    lower = find_header([row for row in rows if row[0] == bottom], mapping)
    return lower if lower and lower.fields >= header.fields else header


def _with_merged_cells(row: Row, head: Sequence[Row], merges: Sequence[Merge]) -> dict[int, str]:
    """Return the cells of a row, with the merged cells that extend down into it."""
    cells_by_row = {other.number: other.cells for other in head}
    merged = {
        merge.column: cells_by_row.get(merge.top, {}).get(merge.column, "")
        for merge in merges
        if merge.top < row.number <= merge.bottom
    }
    return merged | row.cells


def _cells_of(cells: dict[int, str]) -> list[str]:
    return [cells.get(at, "") for at in range(max(cells, default=-1) + 1)]


def _position(candidate: _Candidate, mapping: FieldMapping) -> TablePosition:
    cells = candidate.header.cells
    columns = [at for at, cell in enumerate(cells) if cell.strip()]
    left, right = columns[0], columns[-1] + 1
    fields = fields_of(cells, mapping)
    return TablePosition(
        sheet=candidate.sheet,
        line=candidate.header.line,
        left=left,
        header=cells[left:right],
        identifiers=frozenset(at for at, field in fields.items() if field in IDENTIFIER_FIELDS),
    )
