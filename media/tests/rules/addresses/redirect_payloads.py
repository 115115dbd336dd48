"""Paths that try to redirect to another host, combined from known fragments."""

from collections.abc import Iterator
from itertools import product
from typing import Final

HOSTS: Final = (
    "evil.test",
    "evil.test:80",
    "user@evil.test",
    "[::1]",
    "127.1",
    "evil\u3002test",
    "evil%E3%80%82test",
)
PREFIXES: Final = (
    "",
    "/",
    "//",
    "///",
    "/\\",
    "\\\\",
    "\\/",
    "@",
    ":@",
    "https:",
    "https:/",
    "https://",
    "https:\\\\",
    "//https://",
    "HTTP://",
    "ftp://",
    "javascript:",
    "javascript://",
    "data:text/html,",
    ".",
    "..",
    "../",
    "../../",
    "..\\",
    "./",
    "a/..//",
    "a/../../",
    "%2f%2f",
    "%2F",
    "%5c%5c",
    "%252f%252f",
    "%25252f%25252f",
    "%255c",
    "%2e%2e/",
    "%2e%2e%2f",
    "%252e%252e%252f",
    "\t//",
    "%09//",
    "%0a//",
    "%0d%0a",
    "%0d%0aLocation:%20https://",
    "%0d%0a%0d%0a<script>",
    "%00//",
    "%E5%98%8A%E5%98%8D",
    "%u002f%u002f",
    " //",
    "%20//",
    "?//",
    "#//",
    "?type=webp&x=//",
    ";//",
    "%3f//",
    "%23@",
    "media/..%2f..%2f",
    "media/%2e%2e/%2e%2e/",
    "%c0%af%c0%af",
    "%ff//",
    "%ed%a0%80",
    "\u2028//",
    "\u202e",
    "\uff0f\uff0f",
    "\uff0e\uff0e\uff0f",
    "cdn-cgi/image/format=webp/https://",
    "x,format=webp/",
    "a=b/",
)
SUFFIXES: Final = ("", "/", "/x.png", "/..", "%2f..%2fx.png", "?type=webp")


def payloads() -> Iterator[str]:
    """Yield paths below `/files/`."""
    for prefix, host, suffix in product(PREFIXES, HOSTS, SUFFIXES):
        yield f"{prefix}{host}{suffix}"
