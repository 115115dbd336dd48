"""Leases: locks on rows that expire, so that the row of a dead worker is taken again.

A conditional update takes the lease, so a task delivered twice does its work once. It also
increases the fencing number of the row. If a lease has expired and another worker has taken the
row, the first worker is recognized by its old number: `require_held` raises LeaseLostError instead
of letting it commit its work. All times come from the database's clock.

How long a lease is valid is `LEASE_SECONDS` (sartiq/settings/environment.py).
"""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import Any, Generic

import structlog
from django.conf import settings
from django.db import DatabaseError, connections
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce, Now

from sartiq.core.models import Leased, due_and_unleased
from sartiq.core.work.crash_points import crash_point
from sartiq.core.work.holders import new_holder

log = structlog.get_logger(__name__)

MIN_RENEWAL_SECONDS = 0.5  # between renewals from a thread


class LeaseLostError(Exception):
    """Raised when another holder has taken the row."""


@dataclass
class Lease(Generic[Leased]):
    """The lease of one row; `fence` is its fencing number, which increases with each lease."""

    rows: QuerySet[Leased]
    holder: uuid.UUID
    fence: int
    attempts: int
    pk: uuid.UUID
    unavailable_since: datetime | None = None
    renewed_at: float = field(default_factory=time.monotonic)

    def _held(self) -> QuerySet[Leased]:
        return self.rows.filter(lease_holder=self.holder, lease_fence=self.fence)

    def renew(self) -> None:
        """Hold the row for another full period, or raise LeaseLostError."""
        if not self._held().update(lease_expires_at=Now() + _period()):
            raise LeaseLostError
        self.renewed_at = time.monotonic()

    def renew_if_old(self) -> None:
        """Renew if a third of the period has passed; cheap enough to call for every chunk."""
        if time.monotonic() - self.renewed_at > settings.LEASE_SECONDS / 3:
            self.renew()

    @contextmanager
    def renewing(self) -> Iterator[None]:
        """Renew from a thread while the block runs: for a long call that cannot renew itself.

        A lost lease is not reported here; `require_held` checks for it.
        """
        done = Event()
        thread = Thread(target=self._renew_until, args=(done,), daemon=True, name="lease")
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _renew_until(self, done: Event) -> None:
        try:
            while not done.wait(renewal_interval(settings.LEASE_SECONDS)):
                self.renew()
        except (LeaseLostError, DatabaseError):
            log.info("lease_not_renewed", holder=str(self.holder))
        finally:
            connections.close_all()  # of this thread

    def require_held(self) -> Leased:
        """Lock and return the row (inside a transaction), or raise LeaseLostError."""
        row = self._held().select_for_update().first()
        if row is None:
            raise LeaseLostError
        return row

    def release(
        self,
        *,
        after: timedelta | None = None,
        count_attempt: bool = True,
        dependency_down: bool = False,
    ) -> None:
        """Release the row, due again after the delay `after`; do nothing if the lease was lost."""
        values = release_values(
            after=after, count_attempt=count_attempt, dependency_down=dependency_down
        )
        self._held().update(**values)


def renewal_interval(lease_seconds: float) -> float:
    """Return the seconds between two renewals from a thread: a third of the lease."""
    return max(lease_seconds / 3, MIN_RENEWAL_SECONDS)


def take(rows: QuerySet[Leased]) -> Lease[Leased] | None:
    """Take the one row in `rows` if it is free and due, and count the attempt.

    Return None if another worker holds it, it is not due, or it no longer matches.
    """
    row = rows.filter(due_and_unleased()).order_by().first()
    if row is None:
        return None
    holder = new_holder()
    # Conditional on what was read: if two workers read the same row, only one update succeeds.
    unchanged = rows.filter(pk=row.pk, lease_fence=row.lease_fence, attempts=row.attempts)
    count = unchanged.filter(due_and_unleased()).update(
        lease_holder=holder,
        lease_expires_at=Now() + _period(),
        lease_fence=row.lease_fence + 1,
        attempts=row.attempts + 1,
    )
    if not count:
        return None
    crash_point("lease-taken")
    this_row = rows.model._default_manager.filter(pk=row.pk)  # noqa: SLF001  Django's own API
    return Lease(
        rows=this_row,
        holder=holder,
        fence=row.lease_fence + 1,
        attempts=row.attempts + 1,
        pk=row.pk,
        unavailable_since=row.unavailable_since,
    )


def take_values(holder: uuid.UUID) -> dict[str, Any]:
    """Return the values of an update that takes free rows and counts the attempt."""
    return {
        "lease_holder": holder,
        "lease_expires_at": Now() + _period(),
        "lease_fence": F("lease_fence") + 1,
        "attempts": F("attempts") + 1,
    }


def release_values(
    *, after: timedelta | None = None, count_attempt: bool = True, dependency_down: bool = False
) -> dict[str, Any]:
    """Return the values of an update that releases rows, due again after the delay `after`."""
    return {
        "lease_holder": None,
        "lease_expires_at": None,
        "run_after": Now() + (after or timedelta()),
        "unavailable_since": Coalesce("unavailable_since", Now()) if dependency_down else None,
        "attempts": F("attempts") - (0 if count_attempt else 1),
    }


def _period() -> timedelta:
    return timedelta(seconds=settings.LEASE_SECONDS)
