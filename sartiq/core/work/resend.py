"""Re-enqueueing of waiting rows whose messages the broker lost or never received.

A row whose last message may still be in the queue is not sent again: messages would pile up faster
than workers take them.

How old that message must be is `RESEND_AFTER_SECONDS` (sartiq/settings/environment.py).
"""

from collections import defaultdict
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from sartiq.core.models import LeasedModel
from sartiq.core.work.publishing import backlog, send
from sartiq.core.work.queues import queue_of

LeasedRow = TypeVar("LeasedRow", bound=LeasedModel)
RowsFunction = TypeVar("RowsFunction", bound=Callable[[datetime], "QuerySet[Any]"])

RESEND_BATCH_SIZE: Final = 1000  # nothing is sent again to a queue of this length
CLOCK_ERROR: Final = timedelta(seconds=2)  # possible difference between the clocks of two processes

_rows_by_queue: defaultdict[str, list[Callable[[datetime], "QuerySet[Any]"]]] = defaultdict(list)


def waiting_for(task: str) -> Callable[[RowsFunction], RowsFunction]:
    """Register a function that returns the rows waiting for `task` and last sent before a time."""

    def register(rows: RowsFunction) -> RowsFunction:
        _rows_by_queue[queue_of(task)].append(rows)
        return rows

    return register


def has_waiting_rows(queues: Collection[str]) -> bool:
    """Return whether a due row without a valid lease is waiting for a worker of `queues`."""
    now = timezone.now()
    return any(rows(now).exists() for queue in queues for rows in _rows_by_queue[queue])


def resend(
    task: str,
    name: str,
    waiting: Callable[[datetime], "QuerySet[LeasedRow]"],
) -> int:
    """Send `task` for the rows that `waiting` returns, in their order; return how many were sent.

    `waiting` is called with a time and returns the rows last enqueued, or else created, before it.
    """
    queue = backlog(task)
    if queue is None or queue.length >= RESEND_BATCH_SIZE:
        return 0
    sent_before = timezone.now() - timedelta(seconds=settings.RESEND_AFTER_SECONDS)
    if queue.oldest is not None:
        sent_before = min(sent_before, queue.oldest - CLOCK_ERROR)
    rows = waiting(sent_before)
    ids: list[UUID] = list(rows.values_list("pk", flat=True)[: RESEND_BATCH_SIZE - queue.length])
    enqueued = [pk for pk in ids if send(task, **{name: str(pk)})]
    rows.model._default_manager.filter(pk__in=enqueued).update(  # noqa: SLF001  Django's own API
        sent_at=timezone.now()
    )
    return len(enqueued)


def end_outage(rows: "QuerySet[LeasedRow]", *, is_over: Callable[[], bool]) -> int:
    """Make rows delayed by an outage due now if it is over; return how many."""
    delayed = rows.filter(unavailable_since__isnull=False, run_after__gt=Now())
    if not delayed.exists() or not is_over():
        return 0
    return delayed.update(run_after=Now())
