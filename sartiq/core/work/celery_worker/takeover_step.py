"""The part of a worker that takes over the rows of dead processes (`sartiq.core.work.takeover`)."""

import atexit
from threading import Event, Thread
from typing import Any, Final

import structlog
from celery import bootsteps
from celery.worker import state
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connections

from sartiq.core.work.takeover import take_over

log = structlog.get_logger(__name__)

RUNS_PER_LEASE: Final = 6  # so most leases of dead processes end after a sixth of their time
MIN_SECONDS: Final = 5.0  # shorter leases soon expire anyway, and each run costs ten queries


class Takeover(bootsteps.StartStopStep):
    """Take rows over from a thread of the worker's main process, and once more when it exits."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._stopped = Event()

    def start(self, _worker: Any) -> None:
        """Start with the rows of an earlier worker that was killed."""
        Thread(target=self._run, daemon=True, name="takeover").start()
        atexit.register(self._give_back)

    def close(self, _worker: Any) -> None:
        """Stop the thread before the processes end."""
        self._stopped.set()

    def _run(self) -> None:
        _try_take_over()
        seconds = max(settings.LEASE_SECONDS / RUNS_PER_LEASE, MIN_SECONDS)
        while not self._stopped.wait(seconds):
            is_told_to_stop = bool(state.should_terminate)
            _try_take_over(count_attempts=not is_told_to_stop)

    def _give_back(self) -> None:
        """Release the rows of our own processes, if they were told to stop during their tasks.

        No bootstep could: the pool ends its processes after all other steps have stopped.
        """
        self._stopped.set()
        _try_take_over(count_attempts=False)


def _try_take_over(*, count_attempts: bool = True) -> None:
    try:
        take_over(count_attempts=count_attempts)
    except DatabaseError as error:
        log.warning("takeover_failed", error=type(error).__name__)
    finally:
        connections.close_all()  # a forked process must not inherit them
