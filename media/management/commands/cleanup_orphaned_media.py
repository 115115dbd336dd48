from datetime import timedelta

from media.management.sweeping import SweepCommand
from media.services import cleanup
from media.services.cleanup import SweepReport, Watch


class Command(SweepCommand):
    """Discards unprotected resources without an attachment."""

    help = (
        "Discard media resources that are no longer attached. Only reports unless --execute is "
        "given."
    )
    things = "media resources"

    def sweep(
        self, *, older_than: timedelta, limit: int | None, execute: bool, watch: Watch
    ) -> SweepReport:
        """Discard the resources without an attachment."""
        return cleanup.discard_orphaned_media(
            older_than=older_than, limit=limit, execute=execute, watch=watch
        )
