from datetime import timedelta

from media.management.sweeping import SweepCommand
from media.rules import limits
from media.services import cleanup
from media.services.cleanup import ProgressCallback, SweepReport


class Command(SweepCommand):
    """Discards unprotected resources without an attachment."""

    help = (
        "Discard media resources that are no longer attached. Only reports unless --execute is "
        "given."
    )
    things = "media resources"
    grace = limits.UNATTACHED_GRACE

    def sweep(
        self,
        *,
        older_than: timedelta,
        limit: int | None,
        execute: bool,
        on_progress: ProgressCallback,
    ) -> SweepReport:
        """Discard the resources without an attachment."""
        return cleanup.discard_orphaned_media(
            older_than=older_than, limit=limit, execute=execute, on_progress=on_progress
        )
