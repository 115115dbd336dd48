"""The rows of a table after they were checked: valid or refused."""

import json
from dataclasses import dataclass
from typing import NamedTuple

from bulkupload.rules.limits import MAX_SHOWN_LENGTH
from bulkupload.rules.rows.row_shape_errors import RowError, storable


class ValidRow(NamedTuple):
    """A row that can be imported, with one value for each field of the table.

    `images` are the unread cells of its image columns: nothing in them refuses the row. A row that
    came back in an error file `reports_damage` while its error code says `excel_damage`.
    """

    line: int
    row: int
    values: list[str]
    cells: list[str]
    images: tuple[str, ...] = ()
    reports_damage: bool = False


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that is refused, with all its errors."""

    line: int
    row: int
    cells: list[str]
    errors: list[RowError]


def shortened(text: str) -> str:
    """Return a text of the uploader's as an error stores and shows it."""
    return storable(text[:MAX_SHOWN_LENGTH])


def cells_as_json(cells: list[str]) -> str:
    """Return the cells of a row as they are stored for the error file."""
    return json.dumps(cells)
