"""Photo names: what of a path is compared with SKUs, and the rest that says which slot is meant."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from catalog.rules.identifiers import clean_identifier, without_separators

MAX_SKU_LENGTH: Final = 100  # of a product
_EXTENSION: Final = re.compile(
    r"\.(?:jpe?g|jpe|jfif|png|webp|gif|avif|heic|heif|tiff?|psd|bmp|dng|cr[23]|nef|arw)\Z",
    re.IGNORECASE,
)
_MARKS: Final = frozenset({"Mn", "Mc"})  # accents and vowel signs belong to the letter before them


@dataclass(frozen=True, kw_only=True)
class PhotoName:
    """The path of a photo, cleaned: `stem` is the file's name without extension."""

    stem: str
    folder: str  # the last one, empty if there is none

    @property
    def with_folder(self) -> str:
        """The name with its folder before it, empty without a folder."""
        return f"{self.folder} {self.stem}" if self.folder else ""


@dataclass(frozen=True, kw_only=True)
class Prefix:
    """A start of a name that may be a SKU, and the rest of the name."""

    text: str
    rest: str

    @property
    def lookup(self) -> str:
        """The text to look up: without separators; the database ignores case."""
        return without_separators(self.text)


def read_path(path: str) -> PhotoName:
    """Return the parts of a path that say what a photo shows."""
    *folders, name = (clean_identifier(part) for part in path.replace("\\", "/").split("/"))
    return PhotoName(stem=_EXTENSION.sub("", name), folder=folders[-1] if folders else "")


def prefixes(text: str) -> list[Prefix]:
    """Return the starts of a name that end at the end of a word and may be a SKU, longest first."""
    start = next((at for at, character in enumerate(text) if _is_in_word(character)), len(text))
    found = [
        Prefix(text=text[start:end], rest=text[end:])
        for end in range(start + 1, len(text) + 1)
        if _ends_word(text, end)
    ]
    return [prefix for prefix in reversed(found) if len(prefix.lookup) <= MAX_SKU_LENGTH]


def words(text: str) -> list[str]:
    """Return the words of a name in lower case."""
    return list(_words(text.lower()))


def _words(text: str) -> Iterator[str]:
    word = ""
    for character in text:
        if _is_in_word(character):
            word += character
        elif word:
            yield word
            word = ""
    if word:
        yield word


def _ends_word(text: str, end: int) -> bool:
    return _is_in_word(text[end - 1]) and (end == len(text) or not _is_in_word(text[end]))


def _is_in_word(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character) in _MARKS
