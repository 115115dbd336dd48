from datetime import timedelta

from media.management.sweeping import SweepCommand
from media.services import cleanup
from media.services.cleanup import SweepReport, Watch
from media.storage import public_store


class Command(SweepCommand):
    """Discard temporary objects no row needs, and expire uploads nobody used."""

    help = "Discard temporary objects nobody turned into a resource. Reports unless --execute."
    things = "temporary objects"

    def sweep(
        self, *, older_than: timedelta, limit: int | None, execute: bool, watch: Watch
    ) -> SweepReport:
        """Sweep `temp/` of the public bucket."""
        return cleanup.discard_stale_uploads(
            store=public_store(), older_than=older_than, limit=limit, execute=execute, watch=watch
        )
