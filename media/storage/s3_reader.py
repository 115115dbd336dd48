"""The body of an object on its way in, with a bound on how long the store may dawdle."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Self

from media.errors import StoreUnavailableError
from media.storage.budget import remaining
from media.storage.contract import ObjectHead
from media.storage.faults import translated

if TYPE_CHECKING:
    from botocore.response import StreamingBody

CHUNK_BYTES: Final = 256 * 1024
SLOWEST_READ: Final = 1024 * 1024  # bytes per second a long body must keep up on average


class S3Reader:
    """The body of one GET, read as it comes in."""

    def __init__(
        self, head: ObjectHead, body: "StreamingBody", expected: int, *, budget: timedelta
    ) -> None:
        self._head = head
        self._body = body
        self._expected = expected
        self._budget = budget + timedelta(seconds=expected / SLOWEST_READ)

    @property
    def head(self) -> ObjectHead:
        """The object these bytes are of."""
        return self._head

    def __iter__(self) -> Iterator[bytes]:
        """Yield what each read brings, until all of it came.

        Only the time spent waiting for the store counts, not what the caller does in between.
        """
        received, waited = 0, 0.0
        while received < self._expected:
            if waited > remaining(self._budget):
                raise StoreUnavailableError
            started = time.monotonic()
            chunk = self._read()
            waited += time.monotonic() - started
            received += len(chunk)
            yield chunk

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Give the connection back; one with bytes left on it is closed."""
        self._body.close()

    def _read(self) -> bytes:
        with translated():
            # `read` waits for a full chunk however slowly it comes; `read1` returns what is there.
            chunk: bytes = self._body._raw_stream.read1(CHUNK_BYTES)  # type: ignore[attr-defined]  # noqa: SLF001  no public way
        if not chunk:
            raise StoreUnavailableError
        return chunk
