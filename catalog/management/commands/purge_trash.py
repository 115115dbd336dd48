from datetime import timedelta

from catalog.services import purge_trash
from media.management.cleanup_command import CleanupCommand
from media.services.cleanup.report import CleanupReport, ProgressCallback


class Command(CleanupCommand):
    """Discards rows that have been in the trash for longer than `TRASH_DAYS`."""

    help = (
        "Discard deleted entities and media resources that can no longer be restored. Only reports "
        "unless --execute is given."
    )
    item_name = "deleted rows"

    @property
    def grace(self) -> timedelta:  # type: ignore[override]  # a setting, read at run time
        """The time during which deleted rows can be restored."""
        return purge_trash.retention()

    def clean_up(
        self,
        *,
        older_than: timedelta,
        limit: int | None,
        execute: bool,
        on_progress: ProgressCallback,
    ) -> CleanupReport:
        """Discard the rows that are too old to be restored."""
        return purge_trash.purge(
            older_than=older_than, limit=limit, execute=execute, on_progress=on_progress
        )
