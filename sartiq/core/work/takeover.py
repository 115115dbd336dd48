"""Takeover of the rows of dead processes of this host, whose leases have not expired yet.

Each worker does this when it starts, every few seconds, and when it stops (`takeover_step`,
docs/design/work.md). A process on another host cannot be seen: its leases expire.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from sartiq.core.work import holders
from sartiq.core.work.publishing import send

log = structlog.get_logger(__name__)

BATCH_SIZE: Final = 1000  # rows of one kind in one run

RowsFunction = TypeVar("RowsFunction", bound=Callable[[], "QuerySet[Any]"])


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """Rows that need work, the task that does it, and its argument for the id of a row."""

    task: str
    argument: str | None
    rows: Callable[[], "QuerySet[Any]"]


_kinds: list[_Kind] = []


def rows_for(task: str, argument: str | None = None) -> Callable[[RowsFunction], RowsFunction]:
    """Register a function that returns the unfinished rows `task` takes.

    Without `argument` the task takes any of them.
    """

    def register(rows: RowsFunction) -> RowsFunction:
        _kinds.append(_Kind(task=task, argument=argument, rows=rows))
        return rows

    return register


def take_over(*, count_attempts: bool = True) -> int:
    """Make rows held by dead processes of this host due now, and enqueue them; return how many.

    Their attempts count, as a row may be what kills its worker; not if the worker was told to stop.
    """
    return sum(_take_over(kind, count_attempts=count_attempts) for kind in _kinds)


def _take_over(kind: _Kind, *, count_attempts: bool) -> int:
    held = kind.rows().filter(
        lease_holder__range=holders.holders_of_host(), lease_expires_at__gt=Now()
    )
    by_row: dict[UUID, UUID] = dict(held.values_list("pk", "lease_holder")[:BATCH_SIZE])
    dead = holders.dead_among(set(by_row.values()))
    if not dead:
        return 0
    model = kind.rows().model
    with transaction.atomic():
        rows = model._default_manager.filter(  # noqa: SLF001  Django's own API
            pk__in=[pk for pk, holder in by_row.items() if holder in dead], lease_holder__in=dead
        )
        locked = rows.select_for_update(skip_locked=True, of=("self",)).order_by("pk")
        ids = list(locked.values_list("pk", flat=True))
        rows.filter(pk__in=ids).update(
            lease_holder=None,
            lease_expires_at=None,
            sent_at=timezone.now(),
            attempts=F("attempts") - (0 if count_attempts else 1),
        )
        transaction.on_commit(partial(_send, kind, ids))
    log.info("rows_taken_over", task=kind.task, rows=len(ids))
    return len(ids)


def _send(kind: _Kind, ids: list[UUID]) -> None:
    """Enqueue the rows. If the broker refuses, they are sent again with the other waiting rows."""
    if kind.argument is None:
        send(kind.task)
        return
    for pk in ids:
        if not send(kind.task, **{kind.argument: str(pk)}):
            return
