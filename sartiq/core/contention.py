"""Retries of a transaction that failed because of concurrent changes to the same rows."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType

from django.db import OperationalError
from psycopg import errors as pg

from sartiq.core.errors import ContentionError

MAX_CONTENTION_ATTEMPTS = 3


@dataclass
class Attempt(AbstractContextManager["Attempt", bool]):
    """One attempt of a transaction; suppresses an error after which there is another attempt."""

    is_last: bool
    succeeded: bool = False

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        self.succeeded = error is None
        if error is None or not _is_contention(error):
            return False
        if self.is_last:
            raise ContentionError from error
        return True


def retry_on_contention() -> Iterator[Attempt]:
    """Yield attempts, three at most, until one of them succeeds.

        for attempt in retry_on_contention():
            with attempt, transaction.atomic():
                ...

    An attempt is repeated after ContentionError, a deadlock or a serialization failure. The last
    one raises ContentionError.
    """
    for number in range(1, MAX_CONTENTION_ATTEMPTS + 1):
        attempt = Attempt(is_last=number == MAX_CONTENTION_ATTEMPTS)
        yield attempt
        if attempt.succeeded:
            return


def _is_contention(error: BaseException) -> bool:
    by_database = isinstance(error, OperationalError) and isinstance(
        error.__cause__, pg.DeadlockDetected | pg.SerializationFailure
    )
    return by_database or isinstance(error, ContentionError)
