"""Restarts of processes that ended, as an orchestrator does, up to a limit."""

import sys
import time
from collections import deque
from typing import NoReturn

from devstack.process.child import POLL_SECONDS, DevstackError, ProcessEndedError
from devstack.process.stop_signals import raise_if_stop_requested
from devstack.product import Product

MAX_RESTARTS = 10  # of all processes together, within RESTART_SECONDS
RESTART_SECONDS = 60.0
MAX_OWN_EXITS = 4  # of one process within RESTART_SECONDS, without being killed by a signal
WATCH_SECONDS = 0.2


class Restarts:
    """The recent exits of processes; too many raise an error."""

    def __init__(self) -> None:
        # The time of each exit, and the name of the process; the name is empty if it was killed.
        self._ends: deque[tuple[float, str]] = deque()

    def record(self, error: ProcessEndedError) -> int:
        """Return how often this process exited by itself recently; raise if too often."""
        now = time.monotonic()
        self._ends.append((now, error.name if error.by_itself else ""))
        while now - self._ends[0][0] > RESTART_SECONDS:
            self._ends.popleft()
        own_exits = sum(error.by_itself and name == error.name for _, name in self._ends)
        if len(self._ends) > MAX_RESTARTS or own_exits > MAX_OWN_EXITS:
            message = f"{error.name} ended too often, giving up: {error}"
            raise DevstackError(message) from error
        return own_exits


def start(product: Product) -> None:
    """Start every process; restart those that end in the meantime."""
    _restart_dead(product, Restarts())


def watch(product: Product) -> NoReturn:
    """Restart processes that end; never return.

    Raises an error if processes end too often, and StopRequestedError after a stop signal.
    """
    restarts = Restarts()
    while True:
        try:
            product.require_alive()
        except ProcessEndedError as error:
            _record_and_pause(error, restarts)
            _restart_dead(product, restarts)
        _pause(WATCH_SECONDS)


def _restart_dead(product: Product, restarts: Restarts) -> None:
    while True:
        try:
            product.restart_dead()
        except ProcessEndedError as error:
            _record_and_pause(error, restarts)
        else:
            return


def _record_and_pause(error: ProcessEndedError, restarts: Restarts) -> None:
    own_exits = restarts.record(error)
    print(f"{error.name} ended; it is started again", file=sys.stderr, flush=True)
    # The resources of a killed process may take a moment to be released.
    _pause(own_exits * WATCH_SECONDS)


def _pause(seconds: float) -> None:
    deadline = time.monotonic() + seconds
    raise_if_stop_requested()
    while time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        raise_if_stop_requested()
