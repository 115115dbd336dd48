"""Normalization of identifiers from the API, tables and the admin.

People paste SKUs from web pages, PDF files and chats, which add invisible characters. Two SKUs
that look the same must be the same.
"""

import unicodedata
from typing import Final

_INVISIBLE: Final = frozenset({"Cf", "Cc", "Zl", "Zp"})  # format and control characters, separators
_KEPT: Final = frozenset("\x00\t\n\r")  # later checks report these, or treat them as spaces

# Ignored when a file name is compared with SKUs: people swap the first four, and file names cannot
# contain the others. The expression of an index on products contains them: a change needs another.
SKU_SEPARATORS: Final = r""" -_./\:*?"<>|"""
_WITHOUT_SEPARATORS: Final = str.maketrans("", "", SKU_SEPARATORS)


def clean_identifier(text: str) -> str:
    """Return an identifier in Unicode NFC without invisible characters and surrounding spaces.

    Other kinds of spaces inside it become ordinary spaces.
    """
    if text.isascii() and text.isprintable():
        return text.strip(" ")
    visible = "".join(map(_visible, text))
    return unicodedata.normalize("NFC", visible).strip()


def without_separators(sku: str) -> str:
    """Return a SKU without separators; in lower case it is its SKU key.

    The database converts to lower case, so that its index decides which letters are equal.
    """
    return sku.translate(_WITHOUT_SEPARATORS)


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    return "" if category in _INVISIBLE and character not in _KEPT else character
