"""How many requests run and are blocked, and how many threads are idle."""

import threading

from sartiq.core.limits.request_limits import RequestLimits, RequestState


class ThreadCounts:
    """The counts, and the only code that changes the state of a request.

    Every method is called while `lock` is held.
    """

    def __init__(self, *, max_running: int, max_blocked: int) -> None:
        self.lock = threading.Lock()
        self._max_running = max_running
        self._max_blocked = max_blocked
        self._running = 0
        self._blocked = 0
        self._idle = 0

    def can_start(self) -> bool:
        """Return whether another request may run."""
        return self._running < self._max_running

    def start(self, limits: RequestLimits) -> None:
        """Count a queued request as running."""
        limits.state = RequestState.RUNNING
        self._running += 1

    def block(self, limits: RequestLimits) -> bool:
        """Give a running request a permit; return False if none is left."""
        if limits.state is not RequestState.RUNNING or self._blocked >= self._max_blocked:
            return False
        limits.state = RequestState.BLOCKED
        self._running -= 1
        self._blocked += 1
        return True

    def unblock(self, limits: RequestLimits) -> None:
        """Take back a permit; the request runs, even if others have taken its place."""
        if limits.state is RequestState.BLOCKED:
            limits.state = RequestState.RUNNING
            self._blocked -= 1
            self._running += 1

    def end(self, limits: RequestLimits) -> None:
        """Count a running or blocked request no longer."""
        if limits.state is RequestState.BLOCKED:
            self._blocked -= 1
        else:
            self._running -= 1
        limits.state = RequestState.ENDED

    def take_idle_thread(self) -> bool:
        """Return whether a thread was idle, which now has a request."""
        if not self._idle:
            return False
        self._idle -= 1
        return True

    def keep_idle_thread(self) -> bool:
        """Return whether a thread without a request stays; it does not if enough are idle."""
        if self._idle >= self._max_running:
            return False
        self._idle += 1
        return True
