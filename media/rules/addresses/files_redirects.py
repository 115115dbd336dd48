"""Redirect targets of `/files/{path}`: our own hosts only, the path re-encoded by segment."""

import re
import unicodedata
from typing import Final
from urllib.parse import quote, unquote

IMAGE_EXTENSIONS: Final = frozenset({"jpg", "jpeg", "png", "webp", "avif", "gif"})
TARGET_TYPES: Final = ("webp", "jpeg", "png", "avif", "gif")
MAX_PATH_LENGTH: Final = 1024  # the longest key an S3 store accepts
MAX_DECODINGS: Final = 10
_UNPRINTABLE: Final = frozenset({"Cc", "Cs"})  # control characters, lone surrogates
# Unreserved characters and those every parser keeps in a path. Commas and `=` are encoded: after
# the transformation prefix they would be read as options.
_SAFE: Final = "-._~!$'()*@:"
# Matches nearly every path: there is nothing to decode or encode, and no segment is `.` or `..`.
_PLAIN: Final = re.compile(r"[\w~-][\w~.-]*(?:/[\w~-][\w~.-]*)*", re.ASCII)


def clean_path(path: str) -> str | None:
    """Return `path` encoded for a URL, or None when it is not a clean relative path.

    The path is also checked after every further percent-decoding, so that no proxy can decode it to
    a path that was not checked.
    """
    if not 0 < len(path) <= MAX_PATH_LENGTH:
        return None
    if _PLAIN.fullmatch(path):
        return path
    if not all(_is_clean(form) for form in _decoded_forms(path)):
        return None
    return "/".join(quote(segment, safe=_SAFE) for segment in path.split("/"))


def is_image_path(path: str) -> bool:
    """Return whether the path has an image extension."""
    name = path.rsplit("/", 1)[-1]
    return "." in name and name.rsplit(".", 1)[-1].lower() in IMAGE_EXTENSIONS


def target(
    path: str, *, image_format: str | None, cdn_url: str, plain_url: str, transforms: bool
) -> str | None:
    """Return the URL a file is served at, or None when the path is not clean.

    With `transforms`, an image with an `image_format` goes through the CDN's transformation prefix.
    """
    cleaned = clean_path(path)
    if cleaned is None:
        return None
    if not transforms:
        return f"{plain_url}/{cleaned}"
    if image_format is not None and is_image_path(path):
        return f"{cdn_url}/cdn-cgi/image/format={image_format},quality=90/{cleaned}"
    return f"{cdn_url}/{cleaned}"


def cache_control(path: str) -> str:
    """Return the Cache-Control of a redirect: no caching for temporary files, which will move."""
    if path.startswith("media/"):
        return "public, max-age=86400"
    return "no-store"


def _decoded_forms(path: str) -> list[str]:
    forms = [path]
    for _ in range(MAX_DECODINGS):
        decoded = unquote(forms[-1], errors="surrogateescape")
        if decoded == forms[-1]:
            return forms
        forms.append(decoded)
    return ["\x00"]  # more levels of encoding than any real client uses


def _is_clean(path: str) -> bool:
    segments = path.split("/")
    return (
        all(segment not in {"", ".", ".."} for segment in segments)
        and ":" not in segments[0]
        and "\\" not in path
        and not any(unicodedata.category(character) in _UNPRINTABLE for character in path)
    )
