"""Request bodies, received under a deadline and spooled to disk when they are large."""

import asyncio
import io
from collections.abc import Awaitable, Callable, MutableMapping
from tempfile import SpooledTemporaryFile
from typing import IO, Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

KIB = 1024
STALL_SECONDS = 20.0  # without a single byte
MIN_BYTES_PER_SECOND = 32 * KIB  # what the whole body must average, beyond the first 20 s
MAX_MEMORY_BYTES = 256 * KIB  # a larger body goes to a temporary file


class BodyTooSlowError(Exception):
    """Raised when the client does not send its body in time."""


class BodyCutOffError(Exception):
    """Raised when the connection ends before the body does."""


class BodyNeeded(BaseException):
    """Raised when a view reads a body that has not been received yet."""


class DeferredBody:
    """The body of a request that may be refused without it."""

    def read(self, size: int = -1, /) -> bytes:
        """Stop the view: it runs again once the body is here."""
        raise BodyNeeded

    def readline(self, size: int = -1, /) -> bytes:
        """Stop the view: it runs again once the body is here."""
        raise BodyNeeded


def total_seconds(length: int) -> float:
    """Return how long a body of `length` bytes may take altogether."""
    return STALL_SECONDS + length / MIN_BYTES_PER_SECOND


async def receive_body(receive: Receive, length: int) -> IO[bytes]:
    """Return a whole body, ready to be read from its start."""
    if length > MAX_MEMORY_BYTES:
        return await _spooled(receive, length)
    body = io.BytesIO()
    await _collect(receive, length, body)
    body.seek(0)
    return body


async def _spooled(receive: Receive, length: int) -> IO[bytes]:
    spool = SpooledTemporaryFile(max_size=MAX_MEMORY_BYTES)  # noqa: SIM115  the request closes it
    try:
        await _collect(receive, length, spool)
        spool.seek(0)
    except BaseException:
        spool.close()
        raise
    return spool


async def _collect(receive: Receive, length: int, into: IO[bytes]) -> None:
    loop = asyncio.get_running_loop()
    ends = loop.time() + total_seconds(length)
    remaining = length
    while remaining > 0:
        try:
            async with asyncio.timeout_at(min(loop.time() + STALL_SECONDS, ends)):
                message = await receive()
        except TimeoutError:
            raise BodyTooSlowError from None
        if message["type"] != "http.request":
            raise BodyCutOffError
        into.write(message["body"])
        remaining -= len(message["body"])
        if remaining > 0 and not message["more_body"]:
            raise BodyCutOffError
