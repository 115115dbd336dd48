"""Bodies of requests, and what a client must be told about those that were not read."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol


class Readable(Protocol):
    """What a body can be asked for."""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes."""

    def readline(self, size: int = -1, /) -> bytes:
        """Return the bytes up to the end of a line."""


class CountedBody:
    """A body whose bytes are counted as they are read."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self.size = 0

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes."""
        data = self._stream.read(size)
        self.size += len(data)
        return data

    def readline(self, size: int = -1, /) -> bytes:
        """Return the bytes up to the end of a line."""
        line = self._stream.readline(size)
        self.size += len(line)
        return line


class CloseAfterUnread:
    """WSGI: says `Connection: close` with an answer that was given before the body was read.

    The server then closes the connection, since what is left of the body cannot be told from the
    next request. A client that is not told (RFC 9112, 9.6) sends its next request into the void.
    """

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer one request."""
        length = environ.get("CONTENT_LENGTH") or ""
        if not length.isdecimal() or not int(length):
            return self._application(environ, start_response)
        body = environ["wsgi.input"] = CountedBody(environ["wsgi.input"])

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            if body.size < int(length):
                headers = [*headers, ("Connection", "close")]
            return start_response(status, headers, *error)

        return self._application(environ, start)
