"""Hosts of a URL, as different URL parsers read them."""

import re
from typing import Final
from urllib.parse import urlsplit

import httpx

CONTROL_CHARACTERS_AND_SPACE: Final = "".join(map(chr, range(ord(" ") + 1)))


def hosts(address: str) -> set[str | None]:
    """Return the hosts that Python, httpx and browsers read in an absolute URL."""
    return {urlsplit(address).hostname, httpx.URL(address).host, browser_host(address)}


def browser_host(address: str) -> str | None:
    """Return the host of an http or https URL by the WHATWG URL standard, which browsers follow.

    Spaces and control characters at both ends are removed, and tabs and line ends everywhere. A
    backslash is a slash. All before the last `@` of the authority is user information.
    """
    text = re.sub(r"[\t\r\n]", "", address.strip(CONTROL_CHARACTERS_AND_SPACE))
    scheme, _, rest = text.partition(":")
    if scheme.lower() not in {"http", "https"}:
        return None
    authority = re.split(r"[/\\?#]", rest.lstrip("/\\"), maxsplit=1)[0]
    return authority.rpartition("@")[2].rpartition(":")[0] or authority.rpartition("@")[2]
