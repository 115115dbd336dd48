"""Run the work of a leased row, and decide what becomes of the row when that fails.

One policy for everything that takes leased rows (`docs/design/work.md`). What is wrong with a row
fails it. What may pass is retried after growing delays, five times. An outage of something the work
depends on is not the row's fault: it is retried for a day and not counted as an attempt.
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
MAX_OUTAGE: Final = timedelta(hours=24)  # after which a row fails that never got its dependency
CONTENTION: Final = (
    pg.DeadlockDetected,
    pg.LockNotAvailable,
    pg.SerializationFailure,
    pg.QueryCanceled,
)

Failure = TypeVar("Failure")


class Outcome(Enum):
    """What became of a row that was taken."""

    DONE = auto()
    FAILED = auto()
    RETRIED = auto()  # after a failed attempt that counts
    POSTPONED = auto()  # for a reason that is not the row's fault
    STOPPED = auto()  # another worker has it, or its job ended


class RetryRowError(Exception):
    """Raised by work that should be done again: `after` a delay, or counted as a failed attempt."""

    def __init__(self, message: str = "", *, after: timedelta | None = None) -> None:
        super().__init__(message)
        self.after = after


class WorkStoppedError(Exception):
    """Raised when the row needs no work any more; nothing of the attempt may stay."""


@dataclass(frozen=True, kw_only=True)
class Retry:
    """When a row is taken again, and whether the failed attempt counts."""

    after: timedelta
    counted: bool = False
    by_outage: bool = False


def is_contention(error: Exception) -> bool:
    """Return whether others changed the same rows at the same time."""
    by_database = isinstance(error, OperationalError) and isinstance(error.__cause__, CONTENTION)
    return by_database or isinstance(error, ContentionError)


def retry_of(error: Exception, *, attempts: int, outage: timedelta) -> Retry | None:
    """Return how a row is retried after `error`, None if it must not be.

    `attempts` counts the one that failed; `outage` is how long the row has been waiting for
    something that does not answer.
    """
    if is_contention(error):
        return Retry(after=CONTENTION_RETRY_DELAY)
    if isinstance(error, (UnavailableError, OSError)):
        is_refusal = isinstance(error, UnavailableError) and error.is_refusal
        if outage >= MAX_OUTAGE and not is_refusal:
            return None
        after = min(max(outage, RETRY_DELAYS[0]), RETRY_DELAYS[-1])
        return Retry(after=after, by_outage=True)
    if isinstance(error, RetryRowError) and error.after is not None:
        return Retry(after=error.after)
    if isinstance(error, RetryRowError) and attempts < MAX_ATTEMPTS:
        return Retry(after=RETRY_DELAYS[attempts - 1], counted=True)
    return None


@dataclass(frozen=True, kw_only=True)
class RowTask(Generic[Leased, Failure]):
    """The work of one kind of row.

    `failure_of` returns what a row fails with because of an exception, None for a bug in our code:
    that is raised, and the row is taken again when its lease ends.
    """

    name: str
    work: Callable[[Lease[Leased]], None]
    fail: Callable[[Lease[Leased], Failure], None]
    failure_of: Callable[[Exception], Failure | None]
    attempts_exhausted: Failure

    def run(self, lease: Lease[Leased]) -> Outcome:
        """Do the work of a row that was taken, and record how it ended."""
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
        except Exception as error:  # noqa: BLE001  raised again unless it is an expected one
            retry = retry_of(error, attempts=lease.attempts, outage=_outage_of(lease))
            if retry is None:
                return self._fail(lease, error)
            log.info("row_retried", task=self.name, row_id=str(lease.pk), error=str(error))
            lease.release(after=retry.after, uncounted=not retry.counted, by_outage=retry.by_outage)
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
