"""Request bodies, received under a deadline and spooled to disk when they are large."""

import asyncio
import io
from collections.abc import Awaitable, Callable, MutableMapping
from tempfile import SpooledTemporaryFile
from typing import IO, Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

KIB = 1024
STALL_SECONDS = 20.0  # without receiving a byte
MIN_BYTES_PER_SECOND = 32 * KIB  # minimum average of the whole body, after the first 20 s
MAX_MEMORY_BYTES = 256 * KIB  # a larger body goes to a temporary file


class BodyTooSlowError(Exception):
    """Raised when the client does not send its body in time."""


class BodyCutOffError(Exception):
    """Raised when the connection ends before the body does."""


class BodyNeededError(BaseException):
    """Raised when a view reads a body that has not been received yet.

    The view runs again from its start, so it must not write anything before it reads the body.
    """


class DeferredBody:
    """The body of a request that may be rejected without reading it."""

    def read(self, size: int = -1, /) -> bytes:
        """Abort the view; it runs again once the body has been received."""
        raise BodyNeededError

    def readline(self, size: int = -1, /) -> bytes:
        """Abort the view; it runs again once the body has been received."""
        raise BodyNeededError


def total_seconds(length: int) -> float:
    """Return how long a body of `length` bytes may take in total."""
    return STALL_SECONDS + length / MIN_BYTES_PER_SECOND


async def receive_body(receive: Receive, length: int) -> IO[bytes]:
    """Return the complete body, positioned at its start."""
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
    deadline = loop.time() + total_seconds(length)
    remaining = length
    while remaining > 0:
        try:
            async with asyncio.timeout_at(min(loop.time() + STALL_SECONDS, deadline)):
                message = await receive()
        except TimeoutError:
            raise BodyTooSlowError from None
        if message["type"] != "http.request":
            raise BodyCutOffError
        into.write(message["body"])
        remaining -= len(message["body"])
        if remaining > 0 and not message["more_body"]:
            raise BodyCutOffError
