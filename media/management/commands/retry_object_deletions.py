from datetime import timedelta
from typing import Any

from media.management.cleanup_command import CleanupCommand
from media.services import failed_deletions
from media.services.cleanup.report import CleanupReport, ProgressCallback


class Command(CleanupCommand):
    """Queues deletions of objects again that were given up after their last attempt."""

    help = (
        "Retry the deletions of objects that were given up after eight attempts, once their cause"
        " is fixed. Only reports unless --execute is given; the worker then deletes the objects."
        " The age is the time since the last attempt."
    )
    item_name = "deletions"
    grace = timedelta()
    action, done = "retry", "Queued"
    skipped = "that are queued already"
    shows_size = False

    def clean_up(
        self,
        *,
        older_than: timedelta,
        limit: int | None,
        execute: bool,
        on_progress: ProgressCallback,
    ) -> CleanupReport:
        """Queue the deletions again."""
        return failed_deletions.retry(
            older_than=older_than, limit=limit, execute=execute, on_progress=on_progress
        )

    def as_json(self, report: CleanupReport) -> dict[str, Any]:
        """Name the numbers after what they count."""
        return {
            "executed": report.executed,
            "candidates": report.candidates,
            "retried": report.discarded,
            "samples": report.samples,
        }
