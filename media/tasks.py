"""Tasks of media: each takes an id, calls one service, and may be delivered any number of times."""

from celery import shared_task

from media import deferred
from media.services import cleanup, deletions, recovery, relocation
from media.storage import public_store


@shared_task(name="media.relocate")
def relocate(*, resource_id: str) -> None:
    """Move the PENDING resource whose owner is next: the id only says that one waits."""
    relocation.relocate_next(public_store())


@shared_task(name="media.delete_objects")
def delete_objects() -> None:
    """Delete due objects, as many as one call may name; more are the next task's."""
    if deletions.perform_due() == deletions.DELETION_BATCH_SIZE:
        deferred.delete_objects()


@shared_task(name="media.recover")
def recover() -> None:
    """Tell the workers again of waiting resources."""
    recovery.resend_resources()
    recovery.settle_late_claims()


@shared_task(name="media.cleanup_temp_uploads")
def cleanup_temp_uploads() -> None:
    """Discard what nobody turned into a resource within a day."""
    cleanup.discard_stale_uploads(store=public_store(), execute=True)


@shared_task(name="media.cleanup_orphaned_media")
def cleanup_orphaned_media() -> None:
    """Discard what nothing has shown for a day."""
    cleanup.discard_orphaned_media(execute=True)
