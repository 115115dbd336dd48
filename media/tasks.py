"""Celery tasks of media. Each one may be delivered any number of times."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from celery import shared_task

from media import enqueue
from media.services import deletions, recovery, relocation
from media.services.cleanup import old_uploads, orphaned_media, temp_uploads
from media.services.reconcile import passes, service
from media.storage import public_store
from sartiq.core.work.exclusive import AlreadyRunningError

log = structlog.get_logger(__name__)


@shared_task(name="media.relocate")
def relocate(*, resource_id: str) -> None:
    """Relocate a resource of the next owner; the id only signals that one is waiting."""
    relocation.relocate_next(public_store())


@shared_task(name="media.delete_objects")
def delete_objects() -> None:
    """Delete one batch of due objects, and enqueue the next task if there may be more."""
    if deletions.perform_due() == deletions.DELETION_BATCH_SIZE:
        enqueue.delete_objects()


@shared_task(name="media.recover")
def recover() -> None:
    """Re-enqueue waiting resources."""
    recovery.resend_resources()
    recovery.consume_late_claims()


@shared_task(name="media.cleanup_temp_uploads")
def cleanup_temp_uploads() -> None:
    """Discard uploads that were not used within `UPLOAD_GRACE`."""
    with _once("media.cleanup_temp_uploads"):
        temp_uploads.discard(store=public_store(), execute=True)


@shared_task(name="media.cleanup_orphaned_media")
def cleanup_orphaned_media() -> None:
    """Discard resources without an attachment for `UNATTACHED_GRACE`."""
    with _once("media.cleanup_orphaned_media"):
        orphaned_media.discard(execute=True)


@shared_task(name="media.reconcile")
def reconcile() -> None:
    """Take the next step of a pass over bucket and rows, which is spread over a day."""
    with _once("media.reconcile"):
        limit = passes.next_step()
        if limit is not None:
            service.reconcile(store=public_store(), limit=limit, execute=True, resume=True)


@shared_task(name="media.discard_old_uploads")
def discard_old_uploads() -> None:
    """Delete the rows of uploads whose retention period is over."""
    old_uploads.discard()


@contextmanager
def _once(task: str) -> Iterator[None]:
    """Log that another run is in progress, which may be that of a command, instead of failing."""
    try:
        yield
    except AlreadyRunningError:
        log.info("already_running", task=task)
