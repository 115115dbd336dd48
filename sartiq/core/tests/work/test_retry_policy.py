"""How a leased row is retried or failed after each kind of error."""

from datetime import timedelta

import pytest
from django.db import OperationalError
from psycopg import errors as pg

from media.errors import (
    IngestTimeError,
    ObjectNotFoundError,
    StoreCredentialsError,
    StoreRefusedError,
    StoreUnavailableError,
)
from sartiq.core.errors import ContentionError, UnavailableError
from sartiq.core.work.retry_policy import MAX_OUTAGE, RETRY_DELAYS, Retry, RetryRowError, retry_of


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def database_error(cause: Exception) -> OperationalError:
    error = OperationalError("refused")
    error.__cause__ = cause
    return error


NOT_COUNTED = [
    (ContentionError(), seconds(0), seconds(1)),
    (database_error(pg.DeadlockDetected()), seconds(0), seconds(1)),
    (database_error(pg.QueryCanceled()), MAX_OUTAGE, seconds(1)),
    (RetryRowError(after=seconds(7)), seconds(0), seconds(7)),
    (RetryRowError(after=seconds(0)), seconds(0), seconds(0)),
]
OUTAGES = [
    (StoreUnavailableError(), seconds(0), seconds(2)),
    (StoreUnavailableError(), seconds(45), seconds(45)),
    (UnavailableError(), timedelta(hours=1), seconds(300)),
    (IngestTimeError(), seconds(10), seconds(10)),
    (OSError("no space left on device"), seconds(60), seconds(60)),
    (ConnectionResetError(), seconds(0), seconds(2)),
    (StoreRefusedError(), MAX_OUTAGE * 2, seconds(300)),
    (StoreCredentialsError(), MAX_OUTAGE * 2, seconds(300)),
]
FAILED_FOR_GOOD = [
    (StoreUnavailableError(), 1, MAX_OUTAGE),
    (OSError("no space left on device"), 1, MAX_OUTAGE),
    (RetryRowError(), 5, seconds(0)),
    (ObjectNotFoundError(), 1, seconds(0)),
    (database_error(pg.UndefinedTable()), 1, seconds(0)),
    (ValueError("a defect"), 1, seconds(0)),
]


@pytest.mark.parametrize(("error", "outage", "after"), NOT_COUNTED)
@pytest.mark.parametrize("attempts", [1, 5])
def test_outages_and_contention_are_retried_and_not_counted(
    error: Exception, outage: timedelta, after: timedelta, attempts: int
) -> None:
    assert retry_of(error, attempts=attempts, outage=outage) == Retry(after=after)


@pytest.mark.parametrize(("error", "outage", "after"), OUTAGES)
@pytest.mark.parametrize("attempts", [1, 5])
def test_the_delay_during_an_outage_grows_with_its_length(
    error: Exception, outage: timedelta, after: timedelta, attempts: int
) -> None:
    expected = Retry(after=after, dependency_down=True)

    assert retry_of(error, attempts=attempts, outage=outage) == expected


@pytest.mark.parametrize("attempts", [1, 2, 3, 4])
def test_temporary_errors_are_retried_four_times_after_growing_delays(attempts: int) -> None:
    expected = Retry(after=RETRY_DELAYS[attempts - 1], counted=True)

    assert retry_of(RetryRowError(), attempts=attempts, outage=seconds(0)) == expected


@pytest.mark.parametrize(("error", "attempts", "outage"), FAILED_FOR_GOOD)
def test_other_errors_are_not_retried(error: Exception, attempts: int, outage: timedelta) -> None:
    assert retry_of(error, attempts=attempts, outage=outage) is None
