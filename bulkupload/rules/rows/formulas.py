"""Adding a quote to cells that a spreadsheet would run as formulas, and removing it again.

This is lossless: `'=1` gets a quote too and becomes `''=1`, so exactly one quote is to be removed.
"""

import re

# Spreadsheets ignore leading spaces and quotes; East Asian input methods write full-width signs.
_UNSAFE = re.compile(r"[\s\"'\u2018\u2019\u201c\u201d\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20|]")
_BREAKS = ("\t", "\r", "\n")
QUOTE = "'"


def is_unsafe(cell: str) -> bool:
    """Whether a spreadsheet might run the cell as a formula."""
    bare = cell.lstrip(QUOTE)
    return bool(_UNSAFE.match(cell)) or bare.startswith(_BREAKS)


def quote_formula(cell: str) -> str:
    """Return the cell with a quote in front if a spreadsheet might run it."""
    return QUOTE + cell if is_unsafe(cell) else cell


def unquote_formula(cell: str) -> str:
    """Return the cell without the quote that `quote_formula` put in front."""
    if cell.startswith(QUOTE) and is_unsafe(cell[1:]):
        return cell[1:]
    return cell
