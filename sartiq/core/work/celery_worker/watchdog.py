"""A watchdog that ends a worker which no longer takes messages, so its supervisor restarts it.

A worker is stuck if it starts no task for `WATCHDOG_SECONDS` although it has a free process, the
broker responds, and rows are waiting for its queues (docs/design/queues.md).

`WATCHDOG_SECONDS` is in sartiq/settings/base.py.
"""

import os
import time
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any, Final

import structlog
from celery import bootsteps
from celery.worker import state
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connections

from sartiq.core.work.publishing import broker_responds
from sartiq.core.work.resend import has_waiting_rows

log = structlog.get_logger(__name__)

EXIT_CODE: Final = os.EX_SOFTWARE
OBSERVATIONS: Final = 12  # in `WATCHDOG_SECONDS`
STOP_SECONDS: Final = 30.0  # the next worker repeats a task that runs longer


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One observation of the worker; the last two fields are only checked while it is idle."""

    at: float
    tasks_started: int
    has_free_process: bool
    broker_responds: bool = False
    has_waiting_rows: bool = False


def stuck_since(since: float | None, before: Observation, now: Observation) -> float | None:
    """Return since when the worker has been ignoring waiting rows; None if it is not."""
    is_idle = now.has_free_process and now.tasks_started == before.tasks_started
    if not (is_idle and now.broker_responds and now.has_waiting_rows):
        return None
    return now.at if since is None else since


class Watchdog(bootsteps.StartStopStep):
    """Watch a worker from a thread of its main process, as its event loop may be what hangs."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._stopped = Event()
        self._queues: frozenset[str] = frozenset()

    def start(self, worker: Any) -> None:
        """Start watching the queues the worker consumes."""
        self._queues = frozenset(worker.app.amqp.queues.consume_from)
        Thread(target=self._watch, args=(worker.pool,), daemon=True, name="watchdog").start()

    def stop(self, _worker: Any) -> None:
        """Stop watching: a worker that is shutting down takes no messages."""
        self._stopped.set()

    def _watch(self, pool: Any) -> None:
        since, before = None, self._observe(pool, None)
        while not self._stopped.wait(settings.WATCHDOG_SECONDS / OBSERVATIONS):
            now = self._observe(pool, before)
            since = stuck_since(since, before, now)
            if since is not None and now.at - since >= settings.WATCHDOG_SECONDS:
                self._end(now.at - since)
            before = now

    def _observe(self, pool: Any, before: Observation | None) -> Observation:
        started = state.all_total_count[0]  # a list of one number
        has_free_process = len(state.active_requests) < pool.num_processes
        is_idle = has_free_process and before is not None and before.tasks_started == started
        responds = is_idle and broker_responds()
        return Observation(
            at=time.monotonic(),
            tasks_started=started,
            has_free_process=has_free_process,
            broker_responds=responds,
            has_waiting_rows=responds and self._has_waiting_rows(),
        )

    def _has_waiting_rows(self) -> bool:
        try:
            return has_waiting_rows(self._queues)
        except DatabaseError:
            return False  # no worker can do anything without the database
        finally:
            connections.close_all()  # a forked process must not inherit them

    def _end(self, seconds: float) -> None:
        """Shut the worker down, or kill it if it does not stop in time; leases protect its work."""
        log.error("worker_deaf", seconds=round(seconds), queues=sorted(self._queues))
        state.should_stop = EXIT_CODE  # type: ignore[assignment]  # its stub only knows None
        Event().wait(STOP_SECONDS)  # enough for a clean shutdown
        os._exit(EXIT_CODE)
