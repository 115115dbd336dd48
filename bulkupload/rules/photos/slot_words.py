"""The slot and the position that the words of a file name mean."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

COVER: Final = "cover_image"
BACK: Final = "back_image"
IMAGES: Final = "images"

# Organizations extend this table (`SlotWord`). A number counts only if it is the whole rest.
SLOT_WORDS: Final[Mapping[str, str]] = {
    "front": COVER,
    "cover": COVER,
    "main": COVER,
    "1": COVER,
    "back": BACK,
}
MAX_POSITION_DIGITS: Final = 9
_VERSION: Final = re.compile(r"v(?:er(?:sion)?)?[0-9]+")
_PART: Final = re.compile(r"[0-9]+|[^0-9]+")


@dataclass(frozen=True, kw_only=True)
class Place:
    """A slot, and the position in a slot that holds a list."""

    slot: str
    position: int | None = None


def place_of(words: Sequence[str], slots: Mapping[str, str] = SLOT_WORDS) -> Place:
    """Return the place that the words after a SKU mean; versions such as `v2` mean nothing."""
    meaningful = [word for word in words if not _VERSION.fullmatch(word)]
    parts = [part for word in meaningful for part in _parts(word, slots)]
    numbers = [int(part) for part in parts if _is_number(part)]
    position = numbers[0] if numbers else None
    if len(parts) == 1 and numbers:
        return Place(slot=slots.get(str(position), IMAGES), position=position)
    named = (slots[part] for part in parts if part in slots and not _is_number(part))
    return Place(slot=next(named, IMAGES), position=position)


def _parts(word: str, slots: Mapping[str, str]) -> list[str]:
    """Return the letters and numbers of a word, `front2` for example, unless it is a slot word."""
    return [word] if word in slots else _PART.findall(word)


def _is_number(part: str) -> bool:
    return part.isascii() and part.isdigit() and len(part) <= MAX_POSITION_DIGITS
