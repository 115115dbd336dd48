"""Photo names: which part of a path is compared with SKUs, and what the rest says of the slot."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from catalog.rules.identifiers import clean_identifier, without_separators

MAX_SKU_LENGTH: Final = 100  # of a product
_EXTENSION: Final = re.compile(
    r"\.(?:jpe?g|jpe|jfif|png|webp|gif|avif|heic|heif|tiff?|psd|bmp|dng|cr[23]|nef|arw)\Z",
    re.IGNORECASE,
)
_ASCII_WORD: Final = re.compile(r"[0-9A-Za-z]+")
_MARKS: Final = frozenset({"Mn", "Mc"})  # accents and vowel signs belong to the letter before them


@dataclass(frozen=True, kw_only=True)
class PhotoName:
    """The path of a photo, cleaned: `stem` is the file's name without extension."""

    stem: str
    folder: str  # the last one, empty if there is none

    @cached_property
    def prefixes(self) -> "list[Prefix]":
        """The starts of the name that may be a SKU."""
        return prefixes(self.stem)

    @cached_property
    def prefixes_with_folder(self) -> "list[Prefix]":
        """The starts of folder and name together; empty if there is no folder."""
        return prefixes(f"{self.folder} {self.stem}") if self.folder else []


@dataclass(frozen=True, kw_only=True)
class Prefix:
    """A start of a name that may be a SKU, and the rest of the name."""

    text: str
    rest: str

    @cached_property
    def lookup(self) -> str:
        """The text to look up: without separators; the database ignores case."""
        return without_separators(self.text)


def read_path(path: str) -> PhotoName:
    """Return the parts of a path that say what a photo shows."""
    *folders, name = (clean_identifier(part) for part in path.replace("\\", "/").split("/"))
    return PhotoName(stem=_EXTENSION.sub("", name), folder=folders[-1] if folders else "")


def prefixes(text: str) -> list[Prefix]:
    """Return the starts of a name that end at the end of a word and may be a SKU, longest first."""
    spans = _word_spans(text)
    if not spans:
        return []
    start = spans[0][0]
    starts = [Prefix(text=text[start:end], rest=text[end:]) for _, end in reversed(spans)]
    return [prefix for prefix in starts if len(prefix.lookup) <= MAX_SKU_LENGTH]


def words(text: str) -> list[str]:
    """Return the words of a name in lower case."""
    lower = text.lower()
    return [lower[start:end] for start, end in _word_spans(lower)]


def _word_spans(text: str) -> list[tuple[int, int]]:
    """Return where the words of a text begin and end."""
    if text.isascii():
        return [match.span() for match in _ASCII_WORD.finditer(text)]
    is_in_word = [_is_in_word(character) for character in text]
    edges = [at for at in range(len(text)) if is_in_word[at] != (at > 0 and is_in_word[at - 1])]
    if len(edges) % 2:
        edges.append(len(text))
    return list(zip(edges[::2], edges[1::2], strict=True))


def _is_in_word(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character) in _MARKS
