from datetime import timedelta

from media.management.cleanup_command import CleanupCommand
from media.rules import limits
from media.services.cleanup import temp_uploads
from media.services.cleanup.report import CleanupReport, ProgressCallback
from media.storage import public_store


class Command(CleanupCommand):
    """Discards temporary objects that no row needs and expires unused uploads."""

    help = "Discard temporary objects that were never used. Only reports unless --execute is given."
    item_name = "temporary objects"
    grace = limits.UPLOAD_GRACE

    def clean_up(
        self,
        *,
        older_than: timedelta,
        limit: int | None,
        execute: bool,
        on_progress: ProgressCallback,
    ) -> CleanupReport:
        """Discard unused objects under `temp/` of the public bucket."""
        return temp_uploads.discard(
            store=public_store(),
            older_than=older_than,
            limit=limit,
            execute=execute,
            on_progress=on_progress,
        )
