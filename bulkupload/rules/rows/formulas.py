"""Cells a spreadsheet would run: made harmless on the way out, restored on the way back.

Nothing is lost: a cell that begins with our quote and would be unsafe without it was written by us,
because every cell that began so by itself got a quote as well.
"""

import re

# Spreadsheets look past blanks and quotes, and East Asian input methods write the wide forms.
_UNSAFE = re.compile(r"[\s\"'\u2018\u2019\u201c\u201d\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20|]")
_BREAKS = ("\t", "\r", "\n")
QUOTE = "'"


def is_unsafe(cell: str) -> bool:
    """Whether a spreadsheet might take the cell for a formula."""
    bare = cell.lstrip(QUOTE)
    return bool(_UNSAFE.match(cell)) or bare.startswith(_BREAKS)


def protect(cell: str) -> str:
    """Return the cell as it may stand in a table that people open."""
    return QUOTE + cell if is_unsafe(cell) else cell


def restore(cell: str) -> str:
    """Return the cell that `protect` was given."""
    if cell.startswith(QUOTE) and is_unsafe(cell[1:]):
        return cell[1:]
    return cell
