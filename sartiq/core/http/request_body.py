"""Request bodies."""

from typing import Protocol


class Readable(Protocol):
    """The interface of a request body."""

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
