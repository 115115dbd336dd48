"""The deadline of the request that the current thread serves, and its permit.

A request with a permit is *blocked*: it waits for the object store or a slow statement, and another
request runs in its place. Workers and commands have neither: there, these functions do nothing.
How many permits there are is `MAX_BLOCKED` in sartiq/asgi.py; the deadline is `REQUEST_SECONDS` in
sartiq/settings/environment.py; the 503 responses are in sartiq/core/asgi/application.py.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from datetime import timedelta
from enum import Enum, auto
from typing import Final, TypeVar

CLEANUP_SECONDS: Final = 1.0

Item = TypeVar("Item")
Output = TypeVar("Output")


class RequestState(Enum):
    """Where a request is; `sartiq.core.asgi.thread_counts` changes it."""

    QUEUED = auto()
    RUNNING = auto()
    BLOCKED = auto()
    ENDED = auto()


class RequestLimits:
    """The limits of one request."""

    def __init__(
        self,
        seconds: float,
        *,
        take_permit: "Callable[[RequestLimits], bool]",
        return_permit: "Callable[[RequestLimits], None]",
    ) -> None:
        self._started = time.monotonic()
        self._take_permit = take_permit
        self._return_permit = return_permit
        self.ends = self._started + seconds
        self.state = RequestState.QUEUED

    @property
    def has_permit(self) -> bool:
        """Whether another request may run in the place of this one."""
        return self.state is RequestState.BLOCKED

    def extend(self, limit: timedelta) -> None:
        """Allow the request this much time from its start, if that is more than it has."""
        self.ends = max(self.ends, self._started + limit.total_seconds())

    def remaining(self) -> float:
        """Return the seconds until the deadline, negative after it."""
        return self.ends - time.monotonic()

    def take_permit(self) -> bool:
        """Take a permit and keep it to the end of the request; return False if none is left."""
        return self.has_permit or self._take_permit(self)

    @contextmanager
    def holding_permit(self) -> Iterator[None]:
        """Hold a permit during the block, if one is left."""
        if self.has_permit or not self._take_permit(self):
            yield
            return
        try:
            yield
        finally:
            self._return_permit(self)


_current: ContextVar[RequestLimits | None] = ContextVar("request_limits", default=None)


def current() -> RequestLimits | None:
    """Return the limits of the current request, None outside a request."""
    return _current.get()


@contextmanager
def limited(limits: RequestLimits) -> Iterator[None]:
    """Apply the limits to this thread during the block."""
    token = _current.set(limits)
    try:
        yield
    finally:
        _current.reset(token)


def extend(limit: timedelta) -> None:
    """Allow the current request this much time from its start."""
    limits = _current.get()
    if limits is not None:
        limits.extend(limit)


def allow_cleanup() -> None:
    """Allow the current request a moment from now, even after its deadline."""
    limits = _current.get()
    if limits is not None:
        limits.ends = max(limits.ends, time.monotonic() + CLEANUP_SECONDS)


def extend_and_take_permit(limit: timedelta) -> None:
    """Allow the current request this much time from its start, and let another run meanwhile."""
    limits = _current.get()
    if limits is not None:
        limits.extend(limit)
        limits.take_permit()


def map_in_threads(
    pool: ThreadPoolExecutor, work: Callable[[Item], Output], items: Iterable[Item]
) -> list[Output]:
    """Call `work` for each item on the threads of `pool`, under the limits of this thread."""
    futures = [pool.submit(copy_context().run, work, item) for item in items]
    return [future.result() for future in futures]
