"""What the cleanups share: the report, the clocks and the shortest grace period."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import connection

from media.actions import MediaAction
from media.rules import limits
from sartiq.core import events

MAX_CLOCK_DIFFERENCE: Final = timedelta(hours=1)  # between web server, store and database
SECOND_PASS_DELAY: Final = timedelta(hours=1)  # between the first sight and the deletion
BATCH_SIZE: Final = 5000  # objects or rows in one transaction
MAX_SAMPLES: Final = 20
UNLIMITED: Final = 2**62

ProgressCallback = Callable[[int], None]


@dataclass(kw_only=True)
class CleanupReport:
    """The result of a cleanup.

    `bytes` is the size of the candidates; `samples` has at most twenty of their names.
    """

    executed: bool
    candidates: int = 0
    discarded: int = 0
    bytes: int = 0
    expired_uploads: int = 0
    samples: list[str] = field(default_factory=list)

    def add_candidate(self, name: str, size: int) -> None:
        """Count one candidate."""
        self.candidates += 1
        self.bytes += size
        if len(self.samples) < MAX_SAMPLES:
            self.samples.append(name)


def record(kind: str, report: CleanupReport) -> None:
    """Record one event for a cleanup that changed something."""
    if report.executed and (report.discarded or report.expired_uploads):
        events.record(
            MediaAction.CLEANUP_FINISHED,
            kind=kind,
            discarded=report.discarded,
            expired_uploads=report.expired_uploads,
            bytes=report.bytes,
        )


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


def ignore_progress(_count: int) -> None:
    """Report no progress."""


def database_now() -> datetime:
    """Return the time of the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now
