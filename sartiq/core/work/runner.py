"""Run the work of a leased row, and retry or fail the row if that raises.

Which errors are retried, when and how often, is decided in `sartiq.core.work.retry_policy`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import Generic, TypeVar

import structlog
from django.utils import timezone

from sartiq.core.models import Leased
from sartiq.core.work.leases import Lease, LeaseLostError
from sartiq.core.work.retry_policy import MAX_ATTEMPTS, retry_of

log = structlog.get_logger(__name__)

Failure = TypeVar("Failure")


class Outcome(Enum):
    """The result of running a row."""

    DONE = auto()
    FAILED = auto()
    RETRIED = auto()  # after a failed attempt that counts
    POSTPONED = auto()  # without counting the attempt
    STOPPED = auto()  # another worker has it, or its job ended


class WorkStoppedError(Exception):
    """Raised when the row needs no more work; the attempt must be rolled back."""


@dataclass(frozen=True, kw_only=True)
class RowTask(Generic[Leased, Failure]):
    """The work of one kind of row.

    `failure_of` maps an exception to the failure to record. For None, a bug, the exception is
    raised and the row is taken again once its lease has expired.
    """

    name: str
    work: Callable[[Lease[Leased]], None]
    fail: Callable[[Lease[Leased], Failure], None]
    failure_of: Callable[[Exception], Failure | None]
    attempts_exhausted: Failure

    def run(self, lease: Lease[Leased]) -> Outcome:
        """Do the work of a taken row, and record the result."""
        try:
            if lease.attempts > MAX_ATTEMPTS:  # the worker died every time
                self.fail(lease, self.attempts_exhausted)
                return Outcome.FAILED
            return self._attempt(lease)
        except (LeaseLostError, WorkStoppedError) as stopped:
            reason = type(stopped).__name__
            log.info("row_stopped", task=self.name, row_id=str(lease.pk), reason=reason)
            return Outcome.STOPPED

    def _attempt(self, lease: Lease[Leased]) -> Outcome:
        try:
            self.work(lease)
        except (LeaseLostError, WorkStoppedError):
            raise
        except Exception as error:  # noqa: BLE001  unexpected errors are raised again
            retry = retry_of(error, attempts=lease.attempts, outage=_outage_of(lease))
            if retry is None:
                return self._fail(lease, error)
            log.info("row_retried", task=self.name, row_id=str(lease.pk), error=str(error))
            lease.release(
                after=retry.after,
                count_attempt=retry.counted,
                dependency_down=retry.dependency_down,
            )
            return Outcome.RETRIED if retry.counted else Outcome.POSTPONED
        return Outcome.DONE

    def _fail(self, lease: Lease[Leased], error: Exception) -> Outcome:
        failure = self.failure_of(error)
        if failure is None:
            raise error
        self.fail(lease, failure)
        return Outcome.FAILED


def _outage_of(lease: Lease[Leased]) -> timedelta:
    since = lease.unavailable_since
    return timedelta() if since is None else timezone.now() - since
