"""Functions that enqueue tasks after commit. If one is lost, beat re-enqueues the waiting rows."""

from uuid import UUID

from sartiq.core.work.publishing import send_after_commit, send_once_after_commit


def relocate(resource_id: UUID) -> None:
    """Enqueue the relocation of one PENDING resource."""
    send_after_commit("media.relocate", resource_id=str(resource_id))


def delete_objects() -> None:
    """Enqueue the deletion of due objects."""
    send_once_after_commit("media.delete_objects")
