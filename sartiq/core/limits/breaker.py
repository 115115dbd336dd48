"""A circuit breaker: while a dependency does not respond, requests fail without waiting for it."""

import time
from collections.abc import Callable
from threading import Lock, Thread
from typing import Final

import structlog

log = structlog.get_logger(__name__)

PROBE_INTERVAL: Final = 1.0  # seconds between two probes


class Breaker:
    """The state of one dependency, as this process sees it.

    While it is open, a thread calls `probe` until that returns True, so no request has to find out
    whether the dependency is back.
    """

    def __init__(
        self,
        name: str,
        *,
        probe: Callable[[], bool],
        max_failures: int,
        interval: float = PROBE_INTERVAL,
    ) -> None:
        self._name = name
        self._probe = probe
        self._max_failures = max_failures
        self._interval = interval
        self._lock = Lock()
        self._failures = 0
        self.is_open = False

    def record_success(self) -> None:
        """Start counting failures from zero."""
        self._failures = 0

    def record_failure(self) -> None:
        """Count a failure; open after `max_failures` in a row."""
        with self._lock:
            self._failures += 1
            is_last = self._failures >= self._max_failures
        if is_last:
            self.open()

    def open(self) -> None:
        """Let requests fail until a probe succeeds."""
        with self._lock:
            if self.is_open:
                return
            self.is_open = True
        log.warning("dependency_unavailable", dependency=self._name)
        Thread(target=self._probe_until_closed, daemon=True, name=f"{self._name}-probe").start()

    def _probe_until_closed(self) -> None:
        opened_at = time.monotonic()
        while not self._responds():
            time.sleep(self._interval)
        self._failures = 0
        self.is_open = False
        seconds = round(time.monotonic() - opened_at, 1)
        log.warning("dependency_available", dependency=self._name, seconds=seconds)

    def _responds(self) -> bool:
        try:
            return self._probe()
        except Exception:
            log.exception("probe_failed", dependency=self._name)
            return True  # a bug must not keep the breaker open
