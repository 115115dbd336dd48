"""The shortest grace period of a cleanup: the age below which nothing is deleted.

The grace periods in use are in media/rules/limits.py.
"""

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import connection

from media.rules import limits

MAX_CLOCK_DIFFERENCE: Final = timedelta(hours=1)  # between web server, store and database
SECOND_PASS_DELAY: Final = timedelta(hours=1)  # between the first sight and the deletion


class GraceTooShortError(ValueError):
    """Raised when the grace period is so short that objects in use could be deleted."""


def min_grace() -> timedelta:
    """Return the age below which an object may still be in use (docs/design/cleanup.md)."""
    redelivery_time = timedelta(seconds=settings.VISIBILITY_TIMEOUT)
    return limits.MAX_URL_LIFETIME + redelivery_time + MAX_CLOCK_DIFFERENCE


def require_grace(older_than: timedelta) -> None:
    """Reject a grace period shorter than `min_grace`."""
    if older_than < min_grace():
        message = f"{older_than} is too short: the shortest allowed grace period is {min_grace()}."
        raise GraceTooShortError(message)


def database_now() -> datetime:
    """Return the time of the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now
