"""Which remote URLs may be fetched, by their syntax.

A URL in which two parsers could find different hosts is rejected. The addresses a host resolves
to are checked by `remote_networks`.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

MAX_URL_LENGTH: Final = 2048
MAX_HOST_LENGTH: Final = 253

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# The last label begins with a letter, so no numeric address matches.
_HOST = rf"(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?"
_URL: Final = re.compile(
    rf"https://(?P<host>{_HOST})(?::443)?(?P<target>[/?][^\s\\#\x00-\x20\x7f]*)?",
    re.IGNORECASE | re.ASCII,
)
_UNQUOTED: Final = "/?:@!$&'()*+,;=-._~%[]"  # not quoted in a path or a query
_LOCAL: Final = frozenset({"localhost", "local", "localdomain", "internal", "lan", "home", "arpa"})


@dataclass(frozen=True, kw_only=True)
class RemoteUrl:
    """A remote URL in parts: the host name, and the path with its query."""

    host: str
    target: str


def parse(url: str) -> RemoteUrl | None:
    """Return the parts of a URL that may be fetched, None for any other."""
    if len(url) > MAX_URL_LENGTH or not url.isprintable():
        return None
    match = _URL.fullmatch(url)
    if match is None:
        return None
    host = match["host"].lower()
    if len(host) > MAX_HOST_LENGTH or host.rpartition(".")[2] in _LOCAL:
        return None
    target = match["target"] or "/"
    return RemoteUrl(
        host=host, target=quote(target if target[0] == "/" else f"/{target}", _UNQUOTED)
    )


def is_fetchable(url: str) -> bool:
    """Whether a URL may be fetched, by its syntax."""
    return parse(url) is not None
