"""The batches of a cleanup, its progress and its report."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from media.actions import MediaAction
from sartiq.core import events

BATCH_SIZE: Final = 5000  # objects or rows in one transaction
MAX_SAMPLES: Final = 20  # names of candidates in a report
UNLIMITED: Final = 2**62  # more than there can be; the database accepts it as a LIMIT

ProgressCallback = Callable[[int], None]


@dataclass(kw_only=True)
class CleanupReport:
    """The result of a cleanup.

    `bytes` is the size of the candidates; `samples` has some of their names.
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


def record_finished(kind: str, report: CleanupReport) -> None:
    """Record one event for a cleanup that changed something."""
    if report.executed and (report.discarded or report.expired_uploads):
        events.record(
            MediaAction.CLEANUP_FINISHED,
            kind=kind,
            discarded=report.discarded,
            expired_uploads=report.expired_uploads,
            bytes=report.bytes,
        )


def ignore_progress(_count: int) -> None:
    """Report no progress."""
