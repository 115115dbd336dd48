"""Public URLs of objects, and the keys they contain."""

from collections.abc import Sequence
from urllib.parse import quote

from media.rules import keys


def public_url(base: str, key: str) -> str:
    """Return the URL of `key` under `base` (no trailing slash)."""
    return f"{base}/{quote(key)}"


def key_in_url(url: str, *, bases: Sequence[str]) -> str | None:
    """Return the temp or canonical key in a URL under one of `bases`, else None."""
    for base in bases:
        if base and url.startswith(f"{base}/"):
            key = url[len(base) + 1 :]
            if keys.TEMP_KEY.fullmatch(key) or keys.CANONICAL_KEY.fullmatch(key):
                return key
    return None
