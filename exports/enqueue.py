"""Functions that enqueue tasks after commit. If one is lost, beat re-enqueues the waiting rows."""

from uuid import UUID

from sartiq.core.work.publishing import send_after_commit


def convert_item(item_id: UUID) -> None:
    """Enqueue the conversion of one file."""
    send_after_commit("exports.convert", item_id=str(item_id))


def assemble(run_id: UUID) -> None:
    """Enqueue the building of one archive."""
    send_after_commit("exports.assemble", run_id=str(run_id))
