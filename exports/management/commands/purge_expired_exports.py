from datetime import timedelta

from exports.services import retention
from media.management.cleanup_command import CleanupCommand
from media.services.cleanup.report import CleanupReport, ProgressCallback


class Command(CleanupCommand):
    """Discards the archives of exports whose retention time has passed."""

    help = (
        "Discard the archives of exports after EXPORT_ARCHIVE_DAYS. Only reports unless --execute"
        " is given; the worker then deletes the archives. The age is the time since the archive"
        " expired."
    )
    item_name = "export archives"
    grace = timedelta()

    def clean_up(
        self,
        *,
        older_than: timedelta,
        limit: int | None,
        execute: bool,
        on_progress: ProgressCallback,
    ) -> CleanupReport:
        """Expire the exports and queue their archives for deletion."""
        return retention.discard_expired(
            older_than=older_than, limit=limit, execute=execute, on_progress=on_progress
        )
