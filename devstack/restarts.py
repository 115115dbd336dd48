"""Start again what ends, as an orchestrator would, and give up on what cannot run."""

import sys
import time
from collections import deque
from typing import NoReturn

from devstack.process.child import POLL_SECONDS, DevstackError, ProcessEndedError
from devstack.process.stop_signals import checkpoint
from devstack.product import Product

MAX_RESTARTS = 10  # of all processes together, within
RESTART_SECONDS = 60.0
MAX_OWN_EXITS = 4  # of one process within the same time; nobody killed it, so it cannot run
WATCH_SECONDS = 0.2


class Restarts:
    """The latest ends of processes; one end too many is an error."""

    def __init__(self) -> None:
        self._ends: deque[tuple[float, str]] = deque()  # when, and whose if nobody killed it

    def record(self, error: ProcessEndedError) -> int:
        """Return how often this process ended by itself lately; raise when it is too often."""
        now = time.monotonic()
        self._ends.append((now, error.name if error.by_itself else ""))
        while now - self._ends[0][0] > RESTART_SECONDS:
            self._ends.popleft()
        own_exits = sum(error.by_itself and name == error.name for _, name in self._ends)
        if len(self._ends) > MAX_RESTARTS or own_exits > MAX_OWN_EXITS:
            message = f"{error.name} ended again and again, giving up: {error}"
            raise DevstackError(message) from error
        return own_exits


def start(product: Product) -> None:
    """Start every process; whatever ends meanwhile is started again."""
    _revive(product, Restarts())


def watch(product: Product) -> NoReturn:
    """Start again what ends; return never.

    Raises when processes end again and again, or when a signal comes.
    """
    restarts = Restarts()
    while True:
        try:
            product.require_alive()
        except ProcessEndedError as error:
            _answer(error, restarts)
            _revive(product, restarts)
        _pause(WATCH_SECONDS)


def _revive(product: Product, restarts: Restarts) -> None:
    while True:
        try:
            product.revive()
        except ProcessEndedError as error:
            _answer(error, restarts)
        else:
            return


def _answer(error: ProcessEndedError, restarts: Restarts) -> None:
    own_exits = restarts.record(error)
    print(f"{error.name} ended; it is started again", file=sys.stderr, flush=True)
    # It may have met what a killed predecessor left, which needs a moment to go.
    _pause(own_exits * WATCH_SECONDS)


def _pause(seconds: float) -> None:
    deadline = time.monotonic() + seconds
    checkpoint()
    while time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        checkpoint()
