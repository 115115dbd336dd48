"""The host that three URL parsers find in one URL."""

import re
from urllib.parse import urlsplit

import httpx


def hosts(address: str) -> set[str | None]:
    """Return the host of an absolute address by Python, by httpx and as browsers read it."""
    return {urlsplit(address).hostname, httpx.URL(address).host, browser_host(address)}


def browser_host(address: str) -> str | None:
    """Return the host as the WHATWG URL standard reads a special scheme.

    Outer spaces and control characters are cut, tabs and line ends vanish, a backslash is a slash,
    and everything up to the last `@` of the authority is user information.
    """
    text = re.sub(r"[\t\r\n]", "", address.strip("".join(map(chr, range(0x21)))))
    scheme, _, rest = text.partition(":")
    if scheme.lower() not in {"http", "https"}:
        return None
    authority = re.split(r"[/\\?#]", rest.lstrip("/\\"), maxsplit=1)[0]
    return authority.rpartition("@")[2].rpartition(":")[0] or authority.rpartition("@")[2]
