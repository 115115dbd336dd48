"""The deadline of the request that the current thread serves, and its permit to wait.

Workers and commands have none: there, these functions do nothing.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from datetime import timedelta
from typing import Final, TypeVar

CLEANUP_SECONDS: Final = 1.0

Item = TypeVar("Item")
Output = TypeVar("Output")


class RequestLimits:
    """The limits of one request.

    `take_permit` returns whether the request may wait while another takes its place, and sets
    `has_permit`. Unless it is returned, a request keeps its permit to its end.
    """

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
        self.is_running = False
        self.has_permit = False

    def extend(self, limit: timedelta) -> None:
        """Allow the request this much time from its start, if that is more than it has."""
        self.ends = max(self.ends, self._started + limit.total_seconds())

    def remaining(self) -> float:
        """Return the seconds until the deadline, negative after it."""
        return self.ends - time.monotonic()

    def may_wait(self) -> bool:
        """Return whether the request may wait, after taking a permit if it has none."""
        return self.has_permit or self._take_permit(self)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Let another request run during the block, if a permit is left."""
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


def take_long(limit: timedelta) -> None:
    """Allow the current request this much time, and let another run meanwhile."""
    limits = _current.get()
    if limits is not None:
        limits.extend(limit)
        limits.may_wait()


def map_in_threads(
    pool: ThreadPoolExecutor, work: Callable[[Item], Output], items: Iterable[Item]
) -> list[Output]:
    """Call `work` for each item on the threads of `pool`, under the limits of this thread."""
    futures = [pool.submit(copy_context().run, work, item) for item in items]
    return [future.result() for future in futures]
