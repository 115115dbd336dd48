from datetime import timedelta

from media.management.sweeping import SweepCommand
from media.services import cleanup
from media.services.cleanup import SweepReport, Watch


class Command(SweepCommand):
    """Discard resources that nothing has shown for a while and nobody protects."""

    help = "Discard media resources that nothing shows any more. Reports unless --execute."
    things = "media resources"

    def sweep(
        self, *, older_than: timedelta, limit: int | None, execute: bool, watch: Watch
    ) -> SweepReport:
        """Sweep the resources without an attachment."""
        return cleanup.discard_orphaned_media(
            older_than=older_than, limit=limit, execute=execute, watch=watch
        )
