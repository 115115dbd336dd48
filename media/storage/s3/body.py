"""Streaming of an object body, with a minimum rate."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Final, Self

from urllib3 import BaseHTTPResponse

from media.errors import StoreUnavailableError
from media.storage.contract import ObjectHead
from media.storage.deadline import time_limit
from media.storage.s3.errors import translated

CHUNK_BYTES: Final = 256 * 1024
MIN_BYTES_PER_SECOND: Final = 1024 * 1024  # bytes per second that a long body must reach on average


class S3Reader:
    """The body of one GET, read while it arrives."""

    def __init__(
        self, head: ObjectHead, body: BaseHTTPResponse, expected: int, *, budget: timedelta
    ) -> None:
        self._head = head
        self._body = body
        self._expected = expected
        self._budget = budget + timedelta(seconds=expected / MIN_BYTES_PER_SECOND)

    @property
    def head(self) -> ObjectHead:
        """Return the metadata of the object."""
        return self._head

    def __iter__(self) -> Iterator[bytes]:
        """Yield the chunks until the body is complete.

        Only the time spent waiting for the store counts, not the time the caller takes.
        """
        received, remaining = 0, self._budget
        while received < self._expected:
            started = time.monotonic()
            chunk = self._read(remaining)
            remaining -= timedelta(seconds=time.monotonic() - started)
            received += len(chunk)
            yield chunk

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close the connection if bytes are left on it; any other is already back in the pool."""
        self._body.close()

    def _read(self, remaining: timedelta) -> bytes:
        with translated(), time_limit(remaining):
            # `read` waits for a full chunk, even from a slow server; `read1` does not.
            chunk = self._body.read1(CHUNK_BYTES)
        if not chunk:
            raise StoreUnavailableError
        return chunk
