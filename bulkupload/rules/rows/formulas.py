"""Cells that a spreadsheet would run: they are written with a quote, which reading back removes.

Nothing is lost: a cell that begins with a quote and would be unsafe without it got the quote here,
because a cell that began with one already got a second one.
"""

import re

# Spreadsheets ignore blanks and quotes, and East Asian input methods write the wide forms.
_UNSAFE = re.compile(r"[\s\"'\u2018\u2019\u201c\u201d\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20|]")
_BREAKS = ("\t", "\r", "\n")
QUOTE = "'"


def is_unsafe(cell: str) -> bool:
    """Whether a spreadsheet might run the cell as a formula."""
    bare = cell.lstrip(QUOTE)
    return bool(_UNSAFE.match(cell)) or bare.startswith(_BREAKS)


def protect(cell: str) -> str:
    """Return the cell in a form that is safe in a table that people open."""
    return QUOTE + cell if is_unsafe(cell) else cell


def restore(cell: str) -> str:
    """Return the cell as it was before `protect`."""
    if cell.startswith(QUOTE) and is_unsafe(cell[1:]):
        return cell[1:]
    return cell
