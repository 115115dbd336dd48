"""A worker that has stopped taking messages ends itself, so that its supervisor starts a new one.

It is deaf when it starts no task for `WATCHDOG_SECONDS` although it has a free process, the broker
answers, and rows wait in its queues (docs/design/queues.md).
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

from sartiq.core.work.publishing import broker_answers
from sartiq.core.work.resend import rows_wait

log = structlog.get_logger(__name__)

EXIT_CODE: Final = os.EX_SOFTWARE
LOOKS: Final = 12  # in `WATCHDOG_SECONDS`
STOP_SECONDS: Final = 30.0  # a task that runs longer is done again by the next worker


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One observation of the worker; the last two are only checked while it is idle."""

    at: float
    tasks_started: int
    has_free_process: bool
    broker_answers: bool = False
    rows_wait: bool = False


def deaf_since(since: float | None, before: Observation, now: Observation) -> float | None:
    """Return since when waiting rows are ignored without a reason, None if they are not."""
    is_idle = now.has_free_process and now.tasks_started == before.tasks_started
    if not (is_idle and now.broker_answers and now.rows_wait):
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
        """Begin to watch; the queues are those the worker was started for."""
        self._queues = frozenset(worker.app.amqp.queues.consume_from)
        Thread(target=self._watch, args=(worker.pool,), daemon=True, name="watchdog").start()

    def stop(self, _worker: Any) -> None:
        """Watch no more: a worker that stops takes no messages."""
        self._stopped.set()

    def _watch(self, pool: Any) -> None:
        since, before = None, self._observe(pool, None)
        while not self._stopped.wait(settings.WATCHDOG_SECONDS / LOOKS):
            now = self._observe(pool, before)
            since = deaf_since(since, before, now)
            if since is not None and now.at - since >= settings.WATCHDOG_SECONDS:
                self._end(now.at - since)
            before = now

    def _observe(self, pool: Any, before: Observation | None) -> Observation:
        started = state.all_total_count[0]
        is_free = len(state.active_requests) < pool.num_processes
        is_idle = is_free and before is not None and before.tasks_started == started
        broker_answering = is_idle and broker_answers()
        return Observation(
            at=time.monotonic(),
            tasks_started=started,
            has_free_process=is_free,
            broker_answers=broker_answering,
            rows_wait=broker_answering and self._rows_wait(),
        )

    def _rows_wait(self) -> bool:
        try:
            return rows_wait(self._queues)
        except DatabaseError:
            return False  # without its database no worker could do anything
        finally:
            connections.close_all()  # a process forked from this one must not inherit any

    def _end(self, seconds: float) -> None:
        """Stop the worker in order, or at once if it does not stop; leases protect its work."""
        log.error("worker_deaf", seconds=round(seconds), queues=sorted(self._queues))
        state.should_stop = EXIT_CODE  # type: ignore[assignment]  # None is but its first value
        Event().wait(STOP_SECONDS)  # a worker that stops in order is gone by then
        os._exit(EXIT_CODE)
