"""Threads that run Django, and the refusal of requests that would wait too long for a thread.

The threads never wait for a client: the event loop receives bodies and sends responses. How many
there are is `THREADS` and `MAX_BLOCKED` in sartiq/asgi.py.
"""

import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Final, NamedTuple

import structlog
from django.db import connections

from sartiq.core.asgi.request_body import BodyNeededError
from sartiq.core.asgi.thread_counts import ThreadCounts
from sartiq.core.limits.request_limits import RequestLimits, limited

log = structlog.get_logger(__name__)

MAX_MEMORY_BYTES = 1024 * 1024  # of a streamed response; the rest goes to a temporary file
MAX_QUEUE_SECONDS: Final = 1.0  # requests that would wait longer for a thread are refused
START_INTERVAL: Final = 0.005  # seconds from one start to the next, before any are measured
START_WEIGHT: Final = 0.1  # of the last interval in the average
# After the deadline, before the event loop responds for a thread that did not notice it.
GRACE_SECONDS: Final = 1.0
REPORT_SECONDS: Final = 1.0  # between two log lines about refusals

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class OverloadedError(Exception):
    """Raised when a request is refused because others already wait too long."""


class DeadlineError(Exception):
    """Raised when there is no response by the deadline of a request."""


class Response(NamedTuple):
    """A complete response."""

    status: int
    headers: list[tuple[str, str]]
    body: "bytes | IO[bytes]" = b""


def error_response(status: int, detail: str, **headers: str) -> Response:
    """Return an error in the format of the API."""
    body = json.dumps({"detail": detail}).encode()
    return Response(status, [("Content-Type", "application/json"), *headers.items()], body)


@dataclass(frozen=True)
class _Job:
    environ: Environ
    limits: RequestLimits
    arrived: float
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Response | None]"


class DjangoThreads:
    """Runs a WSGI application in threads.

    At most `threads` requests run at a time; the others are queued. A request that waits for the
    object store or a slow statement takes a permit and is blocked, so that another runs in its
    place; there are `max_blocked` permits.
    """

    def __init__(
        self,
        application: Application,
        *,
        threads: int,
        max_blocked: int = 0,
        request_seconds: float = 5,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._application = application
        self._request_seconds = request_seconds
        self._clock = clock
        self._counts = ThreadCounts(max_running=threads, max_blocked=max_blocked)
        self._queued: deque[_Job] = deque()  # changed and read with the lock of the counts
        self._assigned: SimpleQueue[_Job] = SimpleQueue()  # to idle threads
        self._refused = 0
        self._interval = START_INTERVAL  # average between two starts while requests are queued
        self._last_start: float | None = None  # None if none was queued after it

    def require_capacity(self) -> None:
        """Raise OverloadedError if a new request would wait too long."""
        with self._counts.lock:
            is_overloaded = self._is_overloaded()
        if is_overloaded:
            self._report_refusal()
            raise OverloadedError

    async def run(self, environ: Environ) -> Response | None:
        """Return the application's response, None if it reads a deferred body.

        Raises DeadlineError.
        """
        loop = asyncio.get_running_loop()
        limits = RequestLimits(
            self._request_seconds,
            take_permit=self._take_permit,
            return_permit=self._return_permit,
        )
        job = _Job(environ, limits, self._clock(), loop, loop.create_future())
        with self._counts.lock:
            self._queued.append(job)
            self._assign()
        timer = loop.call_later(self._request_seconds + GRACE_SECONDS, self._end_overdue, job)
        try:
            return await job.future
        finally:
            timer.cancel()

    def _report_refusal(self) -> None:
        self._refused += 1
        if self._refused == 1:
            asyncio.get_running_loop().call_later(REPORT_SECONDS, self._log_refusals)

    def _log_refusals(self) -> None:
        count, self._refused = self._refused, 0
        log.warning("requests_refused", count=count)

    def _end_overdue(self, job: _Job) -> None:
        """Fail a request whose thread did not notice the deadline; let another replace it."""
        if job.future.done():
            return
        overdue = GRACE_SECONDS + job.limits.remaining()
        if overdue > 0:  # the deadline was extended
            job.loop.call_later(overdue, self._end_overdue, job)
            return
        job.limits.take_permit()
        job.future.set_exception(DeadlineError())
        log.warning("request_deadline_exceeded", method=job.environ["REQUEST_METHOD"])

    # --- Called while the lock is held ---

    def _is_overloaded(self) -> bool:
        """Return whether a new request would wait too long, or one already does."""
        if not self._queued:
            return False
        waited = self._clock() - self._queued[0].arrived
        expected = len(self._queued) * self._interval
        return max(waited, expected) > MAX_QUEUE_SECONDS

    def _assign(self) -> None:
        """Let a thread run the next request, if there is one and its turn has come."""
        job = self._next()
        if job is None:
            return
        self._assigned.put(job)
        if not self._counts.take_idle_thread():
            threading.Thread(target=self._work, daemon=True, name="django").start()

    def _next(self) -> _Job | None:
        while self._queued and self._counts.can_start():
            job = self._queued.popleft()
            if not job.future.done():  # else its client is gone, or its deadline has passed
                self._counts.start(job.limits)
                self._measure_start()
                return job
        return None

    def _measure_start(self) -> None:
        now = self._clock()
        if self._last_start is not None:
            self._interval += START_WEIGHT * (now - self._last_start - self._interval)
        self._last_start = now if self._queued else None

    # --- On the threads ---

    def _take_permit(self, limits: RequestLimits) -> bool:
        with self._counts.lock:
            if self._counts.block(limits):
                self._assign()
            return limits.has_permit

    def _return_permit(self, limits: RequestLimits) -> None:
        with self._counts.lock:
            self._counts.unblock(limits)

    def _work(self) -> None:
        job: _Job | None = self._assigned.get()
        while job is not None:
            response = self._respond(job)
            with suppress(RuntimeError):  # the event loop is closed: the process stops
                job.loop.call_soon_threadsafe(_set_result, job.future, response)
            limits = job.limits
            del job, response  # not to keep them while the thread is idle
            job = self._next_after(limits)
        connections.close_all()

    def _next_after(self, limits: RequestLimits) -> _Job | None:
        """Return the next job, None if this thread is one too many."""
        with self._counts.lock:
            self._counts.end(limits)
            job = self._next()
            if job is not None or not self._counts.keep_idle_thread():
                return job
        return self._assigned.get()

    def _respond(self, job: _Job) -> Response | None:
        # Exceptions are not passed through the future: their tracebacks would keep the request, and
        # its connection, alive until the next garbage collection.
        try:
            with limited(job.limits):
                return self._call(job.environ)
        except BodyNeededError:
            return None
        except BaseException:
            log.exception("request_failed")
            return error_response(500, "Internal server error")

    def _call(self, environ: Environ) -> Response:
        started: list[tuple[int, list[tuple[str, str]]]] = []  # status and headers

        def start(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
            started.append((int(status[:3]), headers))

        response = self._application(environ, start)
        try:
            body = _spooled(response) if _is_streaming(response) else b"".join(response)
        finally:
            if hasattr(response, "close"):
                response.close()
        return Response(*started[-1], body)


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
