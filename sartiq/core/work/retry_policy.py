"""When and how often a leased row is retried after an error.

All leased rows follow one policy (`docs/design/work.md`). A permanent error fails the row. A
transient error is retried until `MAX_ATTEMPTS` have failed, after growing delays. While a
dependency is down, the row is retried for up to `MAX_OUTAGE`, and those attempts do not count.
Deletions of objects have a policy of their own (media/services/deletions.py).
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import OperationalError
from psycopg import errors as pg

from sartiq.core.errors import ContentionError, UnavailableError

MAX_ATTEMPTS: Final = 5  # failed attempts that count
RETRY_DELAYS: Final = tuple(timedelta(seconds=seconds) for seconds in (2, 10, 60, 180, 300))
CONTENTION_RETRY_DELAY: Final = timedelta(seconds=1)
MAX_OUTAGE: Final = timedelta(
    hours=24
)  # of a dependency; then the row fails (a message of exports says "a day")
CONTENTION: Final = (  # errors caused by concurrent changes to the same rows
    pg.DeadlockDetected,
    pg.LockNotAvailable,
    pg.SerializationFailure,
    pg.QueryCanceled,
)


class RetryRowError(Exception):
    """Raised by work to retry it: after the delay `after`, or as a counted failed attempt."""

    def __init__(self, message: str = "", *, after: timedelta | None = None) -> None:
        super().__init__(message)
        self.after = after


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
