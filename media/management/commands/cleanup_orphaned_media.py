from datetime import timedelta

from media.management.cleanup_command import CleanupCommand
from media.rules import limits
from media.services.cleanup import orphaned_media
from media.services.cleanup.report import CleanupReport, ProgressCallback


class Command(CleanupCommand):
    """Discards unprotected resources without an attachment."""

    help = (
        "Discard media resources that are no longer attached. Only reports unless --execute is "
        "given."
    )
    item_name = "media resources"
    grace = limits.UNATTACHED_GRACE

    def clean_up(
        self,
        *,
        older_than: timedelta,
        limit: int | None,
        execute: bool,
        on_progress: ProgressCallback,
    ) -> CleanupReport:
        """Discard the resources without an attachment."""
        return orphaned_media.discard(
            older_than=older_than, limit=limit, execute=execute, on_progress=on_progress
        )
