from collections.abc import Callable

import pytest
from django.db import IntegrityError, OperationalError
from psycopg import errors as pg

from sartiq.core.contention import retry_on_contention
from sartiq.core.errors import ContentionError, UnavailableError


def database_error(cause: Exception) -> OperationalError:
    error = OperationalError("refused")
    error.__cause__ = cause
    return error


def attempt_all(*errors: Exception | None) -> list[Exception | None]:
    """Make attempts that end with these errors; return the errors of those that were made."""
    errors_made, remaining = [], list(errors)
    for attempt in retry_on_contention():
        with attempt:
            errors_made.append(remaining.pop(0))
            if (error := errors_made[-1]) is not None:
                raise error
    return errors_made


RETRIED: list[Callable[[], Exception]] = [
    ContentionError,
    lambda: database_error(pg.DeadlockDetected()),
    lambda: database_error(pg.SerializationFailure()),
]
RAISED: list[Exception] = [
    UnavailableError(),
    IntegrityError(),
    OperationalError("the connection is gone"),
    database_error(pg.QueryCanceled()),
    database_error(pg.LockNotAvailable()),
    RuntimeError(),
]


def test_an_attempt_that_succeeds_is_the_last() -> None:
    assert attempt_all(None, None) == [None]


@pytest.mark.parametrize("error", RETRIED)
def test_contention_is_retried(error: Callable[[], Exception]) -> None:
    first, second = error(), error()

    assert attempt_all(first, second, None, None) == [first, second, None]


@pytest.mark.parametrize("error", RETRIED)
def test_the_third_contention_is_reported(error: Callable[[], Exception]) -> None:
    with pytest.raises(ContentionError):
        attempt_all(error(), error(), error(), None)


@pytest.mark.parametrize("error", RAISED, ids=repr)
def test_another_error_is_raised_at_once(error: Exception) -> None:
    with pytest.raises(type(error)) as excinfo:
        attempt_all(error, None)

    assert excinfo.value is error


def test_leaving_the_block_early_ends_the_attempts() -> None:
    def first() -> int:
        for number, attempt in enumerate(retry_on_contention()):
            with attempt:
                return number
        return -1

    assert first() == 0
