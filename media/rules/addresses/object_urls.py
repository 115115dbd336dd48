"""Which of our objects a URL names; everything else is nobody's."""

from collections.abc import Sequence
from urllib.parse import quote

from media.rules import keys


def public_url(base: str, key: str) -> str:
    """Return the address a key is read at, below `base` (no trailing slash)."""
    return f"{base}/{quote(key)}"


def key_named_by(url: str, *, bases: Sequence[str]) -> str | None:
    """Return the temp or canonical key that `url` names below one of our bases, else None."""
    for base in bases:
        if base and url.startswith(f"{base}/"):
            key = url[len(base) + 1 :]
            if keys.TEMP_KEY.fullmatch(key) or keys.CANONICAL_KEY.fullmatch(key):
                return key
    return None
