"""Send waiting rows to the workers again, but none whose last message may still be in its queue.

The broker may have lost a message or never got it. A row that only waits its turn needs no second
one: messages would pile up faster than workers take them.
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

RESEND_BATCH_SIZE: Final = 1000  # messages in a queue up to which waiting rows are sent again
CLOCK_ERROR: Final = timedelta(seconds=2)  # by which the clocks of processes may differ

_rows_by_queue: defaultdict[str, list[Callable[[datetime], "QuerySet[Any]"]]] = defaultdict(list)


def waiting_for(task: str) -> Callable[[RowsFunction], RowsFunction]:
    """Register a function that returns the rows waiting for `task`, last sent before a moment."""

    def register(rows: RowsFunction) -> RowsFunction:
        _rows_by_queue[queue_of(task)].append(rows)
        return rows

    return register


def rows_wait(queues: Collection[str]) -> bool:
    """Return whether a due row without a live lease waits for a worker of `queues`."""
    now = timezone.now()
    return any(rows(now).exists() for queue in queues for rows in _rows_by_queue[queue])


def resend(
    task: str,
    name: str,
    waiting: Callable[[datetime], "QuerySet[LeasedRow]"],
) -> int:
    """Send `task` for the rows of `waiting`, in their order; return how many were sent.

    `waiting` gets the moment before which a row was last enqueued, or created if it never was.
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
    """Make rows that an outage delays due now, if it is over; return how many."""
    delayed = rows.filter(unavailable_since__isnull=False, run_after__gt=Now())
    if not delayed.exists() or not is_over():
        return 0
    return delayed.update(run_after=Now())
