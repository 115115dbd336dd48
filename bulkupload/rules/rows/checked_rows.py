"""The checked rows of a table: valid or refused."""

import json
from dataclasses import dataclass
from typing import NamedTuple

from bulkupload.rules.limits import MAX_VALUE_LENGTH
from bulkupload.rules.rows.row_shape_errors import RowError, storable


class ValidRow(NamedTuple):
    """A row that can be imported, with one value for each field of the table, the SKU first.

    `images` are the unparsed cells of its image columns: nothing in them refuses the row.
    `reports_damage` is true for a row of a returned error file whose error code is `excel_damage`.
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
    """Return a text of the uploader as an error stores and shows it."""
    return storable(text[:MAX_VALUE_LENGTH])


def cells_as_json(cells: list[str]) -> str:
    """Return the cells of a row in the form that is stored for the error file."""
    return json.dumps(cells)
