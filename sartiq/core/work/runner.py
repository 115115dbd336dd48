"""Run the work of a leased row, and retry or fail the row if that raises.

All leased rows follow one policy (`docs/design/work.md`). A permanent error fails the row. A
transient error is retried up to five times, after growing delays. While a dependency is down, the
row is retried for up to a day, and those attempts do not count.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import Final, Generic, TypeVar

import structlog
from django.db import OperationalError
from django.utils import timezone
from psycopg import errors as pg

from sartiq.core.errors import ContentionError, UnavailableError
from sartiq.core.models import Leased
from sartiq.core.work.leases import Lease, LeaseLostError

log = structlog.get_logger(__name__)

MAX_ATTEMPTS: Final = 5
RETRY_DELAYS: Final = tuple(timedelta(seconds=seconds) for seconds in (2, 10, 60, 180, 300))
CONTENTION_RETRY_DELAY: Final = timedelta(seconds=1)
MAX_OUTAGE: Final = timedelta(hours=24)  # of a dependency; then the row fails
CONTENTION: Final = (
    pg.DeadlockDetected,
    pg.LockNotAvailable,
    pg.SerializationFailure,
    pg.QueryCanceled,
)

Failure = TypeVar("Failure")


class Outcome(Enum):
    """The result of running a row."""

    DONE = auto()
    FAILED = auto()
    RETRIED = auto()  # after a failed attempt that counts
    POSTPONED = auto()  # without counting the attempt
    STOPPED = auto()  # another worker has it, or its job ended


class RetryRowError(Exception):
    """Raised by work to retry it: after the delay `after`, or as a counted failed attempt."""

    def __init__(self, message: str = "", *, after: timedelta | None = None) -> None:
        super().__init__(message)
        self.after = after


class WorkStoppedError(Exception):
    """Raised when the row needs no more work; the attempt must be rolled back."""


@dataclass(frozen=True, kw_only=True)
class Retry:
    """When to retry a row, and whether the failed attempt counts."""

    after: timedelta
    counted: bool = False
    dependency_down: bool = False


def is_contention(error: Exception) -> bool:
    """Return whether the error was caused by concurrent changes to the same rows."""
    by_database = isinstance(error, OperationalError) and isinstance(error.__cause__, CONTENTION)
    return by_database or isinstance(error, ContentionError)


def retry_of(error: Exception, *, attempts: int, outage: timedelta) -> Retry | None:
    """Return how a row is retried after `error`, None if it must not be.

    `attempts` includes the one that failed; `outage` is how long a dependency of the row has been
    down.
    """
    if is_contention(error):
        return Retry(after=CONTENTION_RETRY_DELAY)
    if isinstance(error, (UnavailableError, OSError)):
        is_refusal = isinstance(error, UnavailableError) and error.is_refusal
        if outage >= MAX_OUTAGE and not is_refusal:
            return None
        after = min(max(outage, RETRY_DELAYS[0]), RETRY_DELAYS[-1])
        return Retry(after=after, dependency_down=True)
    if isinstance(error, RetryRowError) and error.after is not None:
        return Retry(after=error.after)
    if isinstance(error, RetryRowError) and attempts < MAX_ATTEMPTS:
        return Retry(after=RETRY_DELAYS[attempts - 1], counted=True)
    return None


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
