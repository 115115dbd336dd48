"""A fixed number of threads that run Django and never wait for a client."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from queue import SimpleQueue
from tempfile import SpooledTemporaryFile
from typing import IO, Any, NamedTuple

import structlog

from sartiq.core.asgi.request_body import BodyNeededError

log = structlog.get_logger(__name__)

MAX_MEMORY_BYTES = 1024 * 1024  # of a streamed response; the rest goes to a temporary file

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Response(NamedTuple):
    """A complete response."""

    status: int
    headers: list[tuple[str, str]]
    body: "bytes | IO[bytes]" = b""


def error_response(status: int, detail: str) -> Response:
    """Return an error in the format of the API."""
    body = json.dumps({"detail": detail}).encode()
    return Response(status, [("Content-Type", "application/json")], body)


@dataclass(frozen=True)
class _Job:
    environ: Environ
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Response | None]"


class DjangoThreads:
    """Runs a WSGI application in threads that live as long as the process."""

    def __init__(self, application: Application, *, threads: int) -> None:
        self._application = application
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        self._unstarted = threads

    async def run(self, environ: Environ) -> Response | None:
        """Return the application's response, None if it reads a deferred body."""
        while self._unstarted:
            self._unstarted -= 1
            threading.Thread(target=self._work, daemon=True, name="django").start()
        loop = asyncio.get_running_loop()
        job = _Job(environ, loop, loop.create_future())
        self._jobs.put(job)
        return await job.future

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            job.loop.call_soon_threadsafe(_set_result, job.future, self._respond(job.environ))

    def _respond(self, environ: Environ) -> Response | None:
        # Exceptions are not passed through the future: their tracebacks would keep the request, and
        # its connection, alive until the next garbage collection.
        try:
            return self._call(environ)
        except BodyNeededError:
            return None
        except BaseException:
            log.exception("request_failed")
            return error_response(500, "Internal server error")

    def _call(self, environ: Environ) -> Response:
        heads: list[tuple[int, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
            heads.append((int(status[:3]), headers))

        response = self._application(environ, start)
        try:
            body = _spooled(response) if _is_streaming(response) else b"".join(response)
        finally:
            if hasattr(response, "close"):
                response.close()
        return Response(*heads[-1], body)


def _set_result(future: "asyncio.Future[Response | None]", response: Response | None) -> None:
    if not future.done():
        future.set_result(response)


def _is_streaming(response: Iterable[bytes]) -> bool:
    return bool(getattr(response, "streaming", False))  # set by Django


def _spooled(chunks: Iterable[bytes]) -> IO[bytes]:
    """Read a streamed response to a file, so that a slow client does not hold the thread."""
    spool = SpooledTemporaryFile(max_size=MAX_MEMORY_BYTES)  # noqa: SIM115  closed when it is sent
    try:
        for chunk in chunks:
            spool.write(chunk)
        spool.seek(0)
    except BaseException:
        spool.close()
        raise
    return spool
