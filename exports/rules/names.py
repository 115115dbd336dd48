"""File names that are valid everywhere: Windows, macOS, Linux, ZIP tools and object stores."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import Final

MAX_NAME_LENGTH = 200  # characters, with the extension
MAX_NAME_BYTES = 240  # file systems stop at 255 bytes
FORBIDDEN: Final = frozenset('<>:"/\\|?*')
UNNAMED = "unnamed"
# Control, format, surrogate, private-use and unassigned characters, line separators.
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_RESERVED: Final = re.compile(
    r"(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9\u00b9\u00b2\u00b3]) *(?:\..*)?",
    re.IGNORECASE | re.DOTALL,
)


def is_allowed(character: str) -> bool:
    """Return whether file names may contain a character."""
    return character not in FORBIDDEN and unicodedata.category(character) not in _INVISIBLE


def clean(value: str) -> str:
    """Return a value for use in a name: in NFC, on one line, without unsafe characters."""
    spaced = " ".join(value.split())
    cleaned = "".join(_replaced(character) for character in spaced)
    return unicodedata.normalize("NFC", " ".join(cleaned.split()))


def portable(stem: str) -> str:
    """Return a name without extension that is safe everywhere; it is never empty."""
    return _safe(clean(stem), tail="")


def file_name(stem: str, *, extension: str, suffix: str = "") -> str:
    """Return a portable file name; a long stem is shortened to fit the suffix and the extension."""
    tail = f"{suffix}.{extension}"
    return _safe(portable(stem), tail=tail) + tail


def distinct(
    stems_and_extensions: Sequence[tuple[str, str]], *, taken: Iterable[str] = ()
) -> list[str]:
    """Return one name for each stem and extension, no two of them equal in any letter case.

    The first of equal names is unchanged, the next get `_2`, `_3`, ...; numbers are skipped if
    the result is the name of another file or one of `taken`.
    """
    plain = [file_name(stem, extension=extension) for stem, extension in stems_and_extensions]
    used = {_key(name) for name in taken}
    reserved = used | {_key(name) for name in plain}
    # By name, so that thousands of equal names need no search.
    numbers: dict[str, Iterator[int]] = {}
    unique = []
    for (stem, extension), name in zip(stems_and_extensions, plain, strict=True):
        final_name = name
        if _key(name) in used:
            counter = numbers.setdefault(_key(name), count(2))
            final_name = _numbered(stem, extension, reserved, counter)
        used.add(_key(final_name))
        reserved.add(_key(final_name))
        unique.append(final_name)
    return unique


def _numbered(stem: str, extension: str, reserved: set[str], numbers: Iterator[int]) -> str:
    candidates = (file_name(stem, extension=extension, suffix=f"_{number}") for number in numbers)
    return next(name for name in candidates if _key(name) not in reserved)


def _key(name: str) -> str:
    """Return a key that is equal for names a case-insensitive file system treats as equal."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _replaced(character: str) -> str:
    if character in FORBIDDEN:
        return "-"
    return "" if unicodedata.category(character) in _INVISIBLE else character


def _safe(stem: str, *, tail: str) -> str:
    stripped = stem.strip(" .")
    safe = f"_{stripped}" if _RESERVED.fullmatch(stripped) else stripped
    cut = safe[: MAX_NAME_LENGTH - len(tail)]
    while len(cut.encode()) + len(tail.encode()) > MAX_NAME_BYTES:
        cut = cut[:-1]
    return cut.rstrip(" .") or UNNAMED
