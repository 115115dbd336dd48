"""Which remote addresses may be fetched, by their spelling alone: the plain ones.

A spelling that two readers could take for two hosts is refused, whatever it means. Where a name
leads is decided by `remote_addresses`.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

MAX_URL_LENGTH: Final = 2048
MAX_HOST_LENGTH: Final = 253

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# The last label begins with a letter: so no spelling of a number is a name.
_HOST = rf"(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?"
_URL: Final = re.compile(
    rf"https://(?P<host>{_HOST})(?::443)?(?P<target>[/?][^\s\\#\x00-\x20\x7f]*)?",
    re.IGNORECASE | re.ASCII,
)
_KEPT: Final = "/?:@!$&'()*+,;=-._~%[]"  # what a path and a query may hold as it is
_LOCAL: Final = frozenset({"localhost", "local", "localdomain", "internal", "lan", "home", "arpa"})


@dataclass(frozen=True, kw_only=True)
class RemoteUrl:
    """A remote address in its parts: the name to look up, and the path with its query."""

    host: str
    target: str


def parse(url: str) -> RemoteUrl | None:
    """Return the parts of an address that may be fetched, None for every other."""
    if len(url) > MAX_URL_LENGTH or not url.isprintable():
        return None
    match = _URL.fullmatch(url)
    if match is None:
        return None
    host = match["host"].lower()
    if len(host) > MAX_HOST_LENGTH or host.rpartition(".")[2] in _LOCAL:
        return None
    target = match["target"] or "/"
    return RemoteUrl(host=host, target=quote(target if target[0] == "/" else f"/{target}", _KEPT))


def is_fetchable(url: str) -> bool:
    """Whether an address may be fetched, by its spelling."""
    return parse(url) is not None
