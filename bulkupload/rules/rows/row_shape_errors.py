"""What can be wrong with a row, each with a sentence that says how to mend it."""

from dataclasses import dataclass
from typing import Final

from bulkupload.codes import RowCode, RowShapeCode

_UNSTORABLE: Final = dict.fromkeys([0, *range(0xD800, 0xE000)], "\ufffd")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing wrong with one row; `column` is the uploader's own name, empty for a whole row."""

    code: RowCode
    message: str
    column: str = ""
    value: str = ""


# Faults of the row's shape: its cells cannot be told apart, so it comes back in the error file as
# it is and is refused again until somebody clears its `error_code`.
BROKEN_ROWS: dict[RowShapeCode, str] = {
    "quote_not_closed": "A quote is opened in this row and never closed. Close it, or double it.",
    "quote_misplaced": 'A quote stands inside a quoted cell. Write it twice: "".',
    "cell_too_long": "A cell is longer than 65,536 characters. Shorten it.",
    "row_too_long": "The row is longer than 1 MiB. Shorten it.",
    "too_few_cells": "The row ends early. Fill the missing cells.",
}
SHAPE_CODES: Final[dict[str, RowShapeCode]] = {code: code for code in BROKEN_ROWS}
STILL_BROKEN = "Put every value into its own cell, then clear the error_code of this row."


def storable(text: str) -> str:
    """Return a text as PostgreSQL can store it: without NUL and halves of characters."""
    return text.translate(_UNSTORABLE)


def broken(code: RowShapeCode, text: str) -> Fault:
    """Return the fault of a row whose cells cannot be told apart."""
    return Fault(code=code, message=BROKEN_ROWS[code], value=text)
