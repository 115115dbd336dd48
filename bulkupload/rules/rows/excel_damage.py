"""Cells a spreadsheet changed in a way that the file itself does not undo.

Such a cell arrives with a mark in front, as errors like `#REF!` do, so that it stays refused in an
error file that comes back as it was.
"""

from typing import Final

DATE: Final = "#DATE!"
CUT: Final = "#DIGITS!"
UNKNOWN: Final = "#FORMAT!"
_REASONS: Final = {
    DATE: "The cell holds a date or a time ({shown}), not a text.",
    CUT: "A number of more than 15 digits lost the others ({shown}).",
    UNKNOWN: "How the number {shown} is shown depends on the computer or cannot be read.",
}
_ADVICE: Final = "Format the column as Text and enter the value again."


def damaged(mark: str, shown: str) -> str:
    """Return what is shown of a cell as one that is refused."""
    return f"{mark} {shown}"


def reason_of(text: str) -> str | None:
    """Return why a cell is refused that has a mark, with what to do about it."""
    mark, _, shown = text.partition(" ")
    reason = _REASONS.get(mark)
    return f"{reason.format(shown=shown)} {_ADVICE}" if reason else None
