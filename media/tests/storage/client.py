"""A client of signed URLs over a real socket, which sends exactly the given bytes."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from http.client import HTTPConnection
from urllib.parse import urlsplit


def send(
    method: str,
    url: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    chunked: bool = False,
) -> tuple[int, dict[str, str], bytes]:
    """Send one request and return status, headers in lower case, and body."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=10)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        with suppress(BrokenPipeError):  # a server may refuse before it has read the body
            if chunked:
                connection.request(
                    method, target, _pieces(body), headers or {}, encode_chunked=True
                )
            else:
                connection.request(method, target, body or None, _with_length(body, headers or {}))
        response = connection.getresponse()
        received = {name.lower(): value for name, value in response.getheaders()}
        return response.status, received, response.read()
    finally:
        connection.close()


def _with_length(body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
    return {"Content-Length": str(len(body))} | dict(headers)


def _pieces(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), 3):
        yield body[start : start + 3]
