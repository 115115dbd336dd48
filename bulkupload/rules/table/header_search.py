"""Finding the header of a table, perhaps below a title and notes."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from bulkupload.rules.rows.columns import COLUMNS
from bulkupload.rules.table.header import FieldMapping, fields_of

HEADER_ROWS: Final = 100  # searched for the header; blank rows do not count
_REQUIRED: Final = frozenset(column.field for column in COLUMNS if column.required)


class HeaderCandidate(NamedTuple):
    """A row that may be the header, with the number of its fields."""

    has_required_fields: bool
    fields: int
    line: int
    cells: Sequence[str]


def find_header(
    rows: Iterable[tuple[int, Sequence[str]]], mapping: FieldMapping
) -> HeaderCandidate | None:
    """Return the first row with all required fields, else the first one with the most fields.

    Returns None if there are no rows. `rows` are pairs of a line and its cells; only the first
    HEADER_ROWS are read.
    """
    best: HeaderCandidate | None = None
    for (line, cells), _ in zip(rows, range(HEADER_ROWS), strict=False):
        fields = set(fields_of(cells, mapping).values())
        candidate = HeaderCandidate(fields >= _REQUIRED, len(fields), line, cells)
        if candidate.has_required_fields:
            return candidate
        if best is None or candidate.fields > best.fields:
            best = candidate
    return best
