"""Errors of a row's shape, each with a message that says how to fix it."""

from dataclasses import dataclass
from typing import Final

from bulkupload.codes import RowCode, RowShapeCode

_UNSTORABLE: Final = dict.fromkeys([0, *range(0xD800, 0xE000)], "\ufffd")


@dataclass(frozen=True, kw_only=True)
class RowError:
    """One error of one row; `column` is its name in the file, empty if the whole row is wrong."""

    code: RowCode
    message: str
    column: str = ""
    value: str = ""


# The cells of such a row cannot be separated. In the error file its text is in one cell, and it is
# refused again until the user clears its `error_code`.
SHAPE_MESSAGES: dict[RowShapeCode, str] = {
    "quote_not_closed": "A quote is opened in this row and never closed. Close it or double it.",
    "quote_misplaced": 'A quoted cell contains a single quote character. Double it: "".',
    "cell_too_long": "A cell is longer than 65,536 characters. Shorten it.",
    "row_too_long": "The row is longer than 1 MiB. Shorten it.",
    "too_few_cells": "The row ends early. Fill the missing cells.",
}
SHAPE_CODES: Final[dict[str, RowShapeCode]] = {code: code for code in SHAPE_MESSAGES}
STILL_BROKEN = "Put each value into its own cell, then clear the error_code of this row."


def storable(text: str) -> str:
    """Return a text that PostgreSQL can store: NUL and lone surrogates are replaced."""
    return text.translate(_UNSTORABLE)


def shape_error(code: RowShapeCode, text: str) -> RowError:
    """Return the error of a row whose cells cannot be separated."""
    return RowError(code=code, message=SHAPE_MESSAGES[code], value=text)


def cell_count_error(cells: list[str], width: int, previous_code: str) -> RowError | None:
    """Return the error if the number of cells is wrong; additional empty cells are allowed.

    `previous_code` is the row's `error_code` if the file is an error file.
    """
    code = SHAPE_CODES.get(previous_code)
    if code:
        return RowError(code=code, message=STILL_BROKEN)
    if len(cells) < width:
        message = (
            f"The row ends after {len(cells)} of {width} cells. Fill the missing cells and "
            "clear its error_code, if it has one."
        )
        return RowError(code="too_few_cells", message=message)
    extra = [cell for cell in cells[width:] if cell.strip()]
    if not extra:
        return None
    message = (
        f"The row has {len(cells)} cells, the header {width}. "
        "Put quotes around cells that contain the delimiter."
    )
    return RowError(code="too_many_cells", message=message, value=extra[0])
