"""Building, checking and classifying storage keys.

Every key is built here from a small alphabet, so keys need no encoding in URLs.
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Final
from urllib.parse import unquote
from uuid import UUID

from media.errors import FileNameRefusedError, KeyRefusedError
from media.rules.file_types.content_types import FILE_TYPES

MAX_NAME_LENGTH: Final = 100
MAX_SUFFIX_LENGTH: Final = 11  # the longest in use is "safetensors"
MAX_KEY_BYTES: Final = 1024  # the limit of S3
MAX_DECODINGS: Final = 3  # how many times a name may have been percent-encoded

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NAME = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}"
TEMP_KEY: Final = re.compile(r"^temp/[0-9a-f-]{36}_[0-9]{10}_[A-Za-z0-9._-]{1,100}$", re.ASCII)
CANONICAL_KEY: Final = re.compile(rf"^media/({_UUID})/file\.([a-z0-9]{{1,10}})$", re.ASCII)
THUMBNAIL_KEY: Final = re.compile(rf"^media/({_UUID})/thumb\.webp$", re.ASCII)
PRIVATE_KEY: Final = re.compile(rf"^(?:loras|exports|bulk)/{_UUID}(?:/{_NAME}){{1,3}}$", re.ASCII)
_NOT_IN_ALPHABET = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)
_EXTENSION = re.compile(r"[a-z0-9]{1,10}", re.ASCII)
_SUFFIX = re.compile(rf"\.([A-Za-z0-9]{{1,{MAX_SUFFIX_LENGTH}}})$", re.ASCII)
_PUBLIC_PREFIXES = ("temp/", "media/", "images/")


class KeyKind(StrEnum):
    """The kinds of keys."""

    TEMP = "TEMP"  # an upload that is not yet a resource
    CANONICAL = "CANONICAL"  # the verified object of a resource
    THUMBNAIL = "THUMBNAIL"  # its thumbnail
    LEGACY = "LEGACY"  # an older file without a resource row, under images/
    PRIVATE = "PRIVATE"  # a LoRA model, a file of an export, a table of a bulk upload
    OTHER = "OTHER"  # not one of our keys


class PrivateArea(StrEnum):
    """The prefixes of the private bucket."""

    LORAS = "loras"
    EXPORTS = "exports"
    BULK = "bulk"


def temp_key(*, file_id: UUID, at: datetime, filename: str, content_type: str) -> str:
    """Return the key a client may upload a new file to.

    The extension comes from `content_type` (one of the nine accepted), never from the file name.
    """
    name = safe_name(filename, extension=FILE_TYPES[content_type].extension)
    return require_temp_key(f"temp/{file_id}_{int(at.timestamp()):010d}_{name}")


def canonical_key(resource_id: UUID, extension: str) -> str:
    """Return the key of the verified object of a resource; `extension` has no dot."""
    if not _EXTENSION.fullmatch(extension):
        raise KeyRefusedError(value=extension)
    return f"media/{resource_id}/file.{extension}"


def thumbnail_key(resource_id: UUID) -> str:
    """Return the key of the thumbnail of an image."""
    return f"media/{resource_id}/thumb.webp"


def private_key(area: PrivateArea, owner_id: UUID, *names: str) -> str:
    """Return a key of the private bucket: the owning row's id, then one to three cleaned names."""
    key = "/".join([area.value, str(owner_id), *(safe_name(name) for name in names)])
    if not PRIVATE_KEY.fullmatch(key):
        raise KeyRefusedError(value=key)
    return key


def require_temp_key(key: str) -> str:
    """Return `key` if a client may upload to it, else raise KeyRefusedError."""
    if not TEMP_KEY.fullmatch(key):
        raise KeyRefusedError(value=key)
    return key


def require_storable(key: str) -> str:
    """Return `key` if a store may hold an object under it, else raise KeyRefusedError.

    Accepts more than our own keys, because of older names under `images/`: any relative path
    without `.` and `..`, control characters and backslashes, at most 1,024 bytes.
    """
    if not is_storable(key):
        raise KeyRefusedError(value=key)
    return key


def is_storable(key: str) -> bool:
    """Whether a store may hold an object under `key`."""
    if has_control_characters(key) or "\\" in key:
        return False
    try:
        length = len(key.encode())
    except UnicodeEncodeError:  # a lone surrogate
        return False
    is_clean = all(segment not in {"", ".", ".."} for segment in key.split("/"))
    return is_clean and length <= MAX_KEY_BYTES


def classify(key: str) -> KeyKind:
    """Return the kind of `key` by its format."""
    if TEMP_KEY.fullmatch(key):
        return KeyKind.TEMP
    if CANONICAL_KEY.fullmatch(key):
        return KeyKind.CANONICAL
    if THUMBNAIL_KEY.fullmatch(key):
        return KeyKind.THUMBNAIL
    if PRIVATE_KEY.fullmatch(key):
        return KeyKind.PRIVATE
    if key.startswith("images/") and is_storable(key):
        return KeyKind.LEGACY
    return KeyKind.OTHER


def is_public(key: str) -> bool:
    """Whether `key` is under a public prefix."""
    return key.startswith(_PUBLIC_PREFIXES) and is_storable(key)


def resource_id_of(key: str) -> UUID | None:
    """Return the resource id in a canonical or thumbnail key, None for other keys."""
    match = CANONICAL_KEY.fullmatch(key) or THUMBNAIL_KEY.fullmatch(key)
    return UUID(match[1]) if match else None


def safe_name(filename: str, *, extension: str | None = None) -> str:
    """Return a name of `[A-Za-z0-9._-]`, at most 100 characters, without a leading dot.

    Folders are removed, letters converted to ASCII, and a name with nothing left becomes `file`.
    `extension` replaces the one in the name. Raises FileNameRefusedError for control characters.
    """
    if has_control_characters(filename):
        raise FileNameRefusedError(value=filename)
    stem, own_extension = _split(_to_ascii(_last_part(filename)))
    extension = extension or own_extension
    suffix = f".{extension}" if extension else ""
    stem = stem.strip("._-")[: MAX_NAME_LENGTH - len(suffix)].rstrip("._-")
    return (stem or "file") + suffix


def base_name(path: str) -> str:
    """Return the last part of a path, of any system, with more than dots and blanks, or ""."""
    parts = re.split(r"[/\\]", path)
    return next((part for part in reversed(parts) if part.strip(". ")), "")


def has_control_characters(text: str) -> bool:
    """Return whether `text` contains a control character."""
    return any(unicodedata.category(character) == "Cc" for character in text)


def _last_part(filename: str) -> str:
    """Return the last part of a path, after decoding percent-encoded separators."""
    return base_name(list(_decodings(filename))[-1])


def _decodings(text: str) -> Iterator[str]:
    yield text
    for _ in range(MAX_DECODINGS):
        decoded = unquote(text)
        if decoded == text:
            return
        text = decoded
        yield text


def _to_ascii(text: str) -> str:
    """Return the letters of `text` without their accents; other ASCII becomes one underscore."""
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _NOT_IN_ALPHABET.sub("_", ascii_only)


def _split(name: str) -> tuple[str, str]:
    match = _SUFFIX.search(name)
    if match is None:
        return name, ""
    return name[: match.start()], match[1].lower()
