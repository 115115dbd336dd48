"""Send waiting rows to the workers again, but none whose last message may still be in its queue.

The broker may have lost a message or never got it. A row that only waits its turn needs no second
one: messages would pile up faster than workers take them.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, TypeVar
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from sartiq.core.models import LeasedModel
from sartiq.core.work.publishing import backlog, send

LeasedRow = TypeVar("LeasedRow", bound=LeasedModel)

RESEND_BATCH_SIZE: Final = 1000  # messages in a queue up to which waiting rows are sent again
CLOCK_ERROR: Final = timedelta(seconds=2)  # by which the clocks of processes may differ


def resend(
    task: str,
    name: str,
    waiting: Callable[[datetime], "QuerySet[LeasedRow]"],
) -> int:
    """Send `task` for the rows of `waiting`, in their order; return how many were sent.

    `waiting` gets the moment before which a row was sent last, or made if it never was.
    """
    queue = backlog(task)
    if queue is None or queue.length >= RESEND_BATCH_SIZE:
        return 0
    sent_before = timezone.now() - timedelta(seconds=settings.RESEND_AFTER_SECONDS)
    if queue.oldest is not None:
        sent_before = min(sent_before, queue.oldest - CLOCK_ERROR)
    rows = waiting(sent_before)
    ids: list[UUID] = list(rows.values_list("pk", flat=True)[: RESEND_BATCH_SIZE - queue.length])
    sent = [pk for pk in ids if send(task, **{name: str(pk)})]
    rows.model._default_manager.filter(pk__in=sent).update(  # noqa: SLF001  Django's own API
        sent_at=timezone.now()
    )
    return len(sent)
