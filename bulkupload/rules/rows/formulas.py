"""Quoting cells that a spreadsheet would run as formulas; reading them back removes the quote.

This is lossless: `'=1` in a table is written as `''=1`, so one quote is always ours.
"""

import re

# Spreadsheets ignore leading blanks and quotes; East Asian input methods write full-width signs.
_UNSAFE = re.compile(r"[\s\"'\u2018\u2019\u201c\u201d\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20|]")
_BREAKS = ("\t", "\r", "\n")
QUOTE = "'"


def is_unsafe(cell: str) -> bool:
    """Whether a spreadsheet might run the cell as a formula."""
    bare = cell.lstrip(QUOTE)
    return bool(_UNSAFE.match(cell)) or bare.startswith(_BREAKS)


def protect(cell: str) -> str:
    """Return the cell in a form that a spreadsheet does not run."""
    return QUOTE + cell if is_unsafe(cell) else cell


def restore(cell: str) -> str:
    """Return the cell as it was before `protect`."""
    if cell.startswith(QUOTE) and is_unsafe(cell[1:]):
        return cell[1:]
    return cell
