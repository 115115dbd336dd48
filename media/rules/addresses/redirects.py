"""Where `/files/{path}` leads: a path of ours, re-encoded segment by segment, never elsewhere."""

import re
import unicodedata
from typing import Final
from urllib.parse import quote, unquote

IMAGE_EXTENSIONS: Final = frozenset({"jpg", "jpeg", "png", "webp", "avif", "gif"})
TARGET_TYPES: Final = ("webp", "jpeg", "png", "avif", "gif")
MAX_PATH_LENGTH: Final = 1024  # the longest key an S3 store takes
MAX_DECODINGS: Final = 10
# Unreserved characters and those every parser keeps in a path; no comma or `=`, which would be
# read as options behind the transformation prefix.
_UNPRINTED: Final = frozenset({"Cc", "Cs"})  # control characters, lone surrogates
_SAFE: Final = "-._~!$'()*@:"
# What nearly every path is: nothing to decode, nothing to encode, no segment of dots.
_PLAIN: Final = re.compile(r"[\w~-][\w~.-]*(?:/[\w~-][\w~.-]*)*", re.ASCII)


def clean_path(path: str) -> str | None:
    """Return `path` ready to stand behind a host, or None when it is not a clean relative path.

    A path is judged as written and as every further decoding of it reads, so no later hop can see
    another path than the one judged here.
    """
    if not 0 < len(path) <= MAX_PATH_LENGTH:
        return None
    if _PLAIN.fullmatch(path):
        return path
    if not all(_is_clean(form) for form in _forms(path)):
        return None
    return "/".join(quote(segment, safe=_SAFE) for segment in path.split("/"))


def is_image_path(path: str) -> bool:
    """Tell by the extension whether a path names an image."""
    name = path.rsplit("/", 1)[-1]
    return "." in name and name.rsplit(".", 1)[-1].lower() in IMAGE_EXTENSIONS


def target(
    path: str, *, wanted: str | None, cdn_url: str, plain_url: str, transforms: bool
) -> str | None:
    """Return the address a file is served at, or None when the path is not clean.

    With `transforms` an image asked for as `wanted` goes through the CDN's transformation prefix.
    """
    cleaned = clean_path(path)
    if cleaned is None:
        return None
    if not transforms:
        return f"{plain_url}/{cleaned}"
    if wanted is not None and is_image_path(path):
        return f"{cdn_url}/cdn-cgi/image/format={wanted},quality=90/{cleaned}"
    return f"{cdn_url}/{cleaned}"


def cache_control(path: str) -> str:
    """Return how long a redirect may be kept: never for a temporary file, which will move."""
    if path.startswith("media/"):
        return "public, max-age=86400"
    return "no-store"


def _forms(path: str) -> list[str]:
    forms = [path]
    for _ in range(MAX_DECODINGS):
        further = unquote(forms[-1], errors="surrogateescape")
        if further == forms[-1]:
            return forms
        forms.append(further)
    return ["\x00"]  # encoded over and over: nothing honest looks like this


def _is_clean(path: str) -> bool:
    segments = path.split("/")
    return (
        all(segment not in {"", ".", ".."} for segment in segments)
        and ":" not in segments[0]
        and "\\" not in path
        and not any(unicodedata.category(character) in _UNPRINTED for character in path)
    )
