"""Errors of a row's shape, each with a message that says how to fix it."""

from dataclasses import dataclass
from typing import Final

from bulkupload.codes import RowCode, RowShapeCode

_UNSTORABLE: Final = dict.fromkeys([0, *range(0xD800, 0xE000)], "\ufffd")


@dataclass(frozen=True, kw_only=True)
class RowError:
    """One error of one row; `column` is the uploader's own name, empty for a whole row."""

    code: RowCode
    message: str
    column: str = ""
    value: str = ""


# The cells of such a row cannot be separated, so it comes back in the error file as it was sent and
# is refused again until its `error_code` is cleared.
SHAPE_MESSAGES: dict[RowShapeCode, str] = {
    "quote_not_closed": "A quote is opened in this row and never closed. Close it, or double it.",
    "quote_misplaced": 'A quoted cell contains a single quote character. Double it: "".',
    "cell_too_long": "A cell is longer than 65,536 characters. Shorten it.",
    "row_too_long": "The row is longer than 1 MiB. Shorten it.",
    "too_few_cells": "The row ends early. Fill the missing cells.",
}
SHAPE_CODES: Final[dict[str, RowShapeCode]] = {code: code for code in SHAPE_MESSAGES}
STILL_BROKEN = "Put every value into its own cell, then clear the error_code of this row."


def storable(text: str) -> str:
    """Return a text as PostgreSQL can store it: without NUL and halves of characters."""
    return text.translate(_UNSTORABLE)


def shape_error(code: RowShapeCode, text: str) -> RowError:
    """Return the error of a row whose cells cannot be separated."""
    return RowError(code=code, message=SHAPE_MESSAGES[code], value=text)


def cell_count_error(cells: list[str], width: int, returned_code: str) -> RowError | None:
    """Return what is wrong with the number of cells; additional empty ones are no error."""
    code = SHAPE_CODES.get(returned_code)
    if code:
        return RowError(code=code, message=STILL_BROKEN)
    if len(cells) < width:
        message = (
            f"The row ends after {len(cells)} of {width} cells. Fill the missing cells, "
            "and if its error_code came back with it, clear that."
        )
        return RowError(code="too_few_cells", message=message)
    extra = [cell for cell in cells[width:] if cell.strip()]
    if not extra:
        return None
    message = (
        f"The row has {len(cells)} cells, the header {width}. "
        "Put cells that hold the delimiter into quotes."
    )
    return RowError(code="too_many_cells", message=message, value=extra[0])
