"""Telling the workers, after commit, which rows wait. Losing the message loses nothing."""

from uuid import UUID

from sartiq.core.work.publishing import send_after_commit, send_once_after_commit


def relocate(resource_id: UUID) -> None:
    """Have a worker move one PENDING resource to its canonical place."""
    send_after_commit("media.relocate", resource_id=str(resource_id))


def delete_objects() -> None:
    """Have a worker delete what is due."""
    send_once_after_commit("media.delete_objects")
