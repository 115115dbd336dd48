"""Normalization of identifiers from the API, tables and the admin.

People paste SKUs from web pages, PDF files and chats, which add invisible characters. Two SKUs
that look the same must be the same.
"""

import unicodedata
from typing import Final

_INVISIBLE: Final = frozenset({"Cf", "Cc", "Zl", "Zp"})  # format and control characters, separators
_KEPT: Final = frozenset("\x00\t\n\r")  # later checks report these, or treat them as spaces


def clean_identifier(text: str) -> str:
    """Return an identifier in Unicode NFC without invisible characters and surrounding spaces.

    Other kinds of spaces inside it become ordinary spaces.
    """
    if text.isascii() and text.isprintable():
        return text.strip(" ")
    visible = "".join(map(_visible, text))
    return unicodedata.normalize("NFC", visible).strip()


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    return "" if category in _INVISIBLE and character not in _KEPT else character
