"""Finding the header of a table below title rows and notes."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from bulkupload.rules.rows.columns import COLUMNS
from bulkupload.rules.table.header import Mapped, fields_of

HEADER_ROWS: Final = 100  # rows that say something among which the header is looked for
_REQUIRED: Final = frozenset(column.field for column in COLUMNS if column.required)


class HeaderCandidate(NamedTuple):
    """A row that may be the header: how many fields it names, and whether none is missing."""

    is_whole: bool
    fields: int
    line: int
    cells: Sequence[str]


def header_among(
    rows: Iterable[tuple[int, Sequence[str]]], mapping: Mapped
) -> HeaderCandidate | None:
    """Return the first row that names every required field, else the one that names most.

    Of rows that name none it is the first; None where no row says anything. Rows come with their
    lines; no more than the first HEADER_ROWS are taken.
    """
    best: HeaderCandidate | None = None
    for (line, cells), _ in zip(rows, range(HEADER_ROWS), strict=False):
        fields = set(fields_of(cells, mapping).values())
        candidate = HeaderCandidate(fields >= _REQUIRED, len(fields), line, cells)
        if candidate.is_whole:
            return candidate
        if best is None or candidate.fields > best.fields:
            best = candidate
    return best
