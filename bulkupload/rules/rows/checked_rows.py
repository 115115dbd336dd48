"""The checked rows of a table: valid or refused."""

import json
from dataclasses import dataclass
from typing import NamedTuple

from bulkupload.rules.limits import MAX_VALUE_LENGTH
from bulkupload.rules.rows.row_shape_errors import RowError, storable


class ValidRow(NamedTuple):
    """A row that can be imported.

    `line` is its first line in the file, `row` its number among the rows. `values` has a value for
    each field of the table, the SKU first; `cells` are the cells as sent. `images` are the cells of
    the image columns, which are parsed later: a bad image is a warning and never refuses the row.
    `reports_damage` is true if an uploaded error file lists the code `excel_damage` for this row.
    """

    line: int
    row: int
    values: list[str]
    cells: list[str]
    images: tuple[str, ...] = ()
    reports_damage: bool = False

    @property
    def sku(self) -> str:
        """The SKU, in its normal form."""
        return self.values[0]


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that is refused, with all its errors."""

    line: int
    row: int
    cells: list[str]
    errors: list[RowError]


def shortened(text: str) -> str:
    """Return a text from the file, shortened and cleaned so that a row error can store it."""
    return storable(text[:MAX_VALUE_LENGTH])


def cells_as_json(cells: list[str]) -> str:
    """Return the cells of a row as JSON, as they are stored for the error file."""
    return json.dumps(cells)
