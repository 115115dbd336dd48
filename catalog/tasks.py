"""Celery tasks of the catalogue. Each one may be delivered any number of times."""

import structlog
from celery import shared_task

from catalog.services.purge_trash import purge
from sartiq.core.work.exclusive import AlreadyRunningError

log = structlog.get_logger(__name__)


@shared_task(name="catalog.purge_trash")
def purge_trash() -> None:
    """Discard entities and media resources deleted longer ago than `TRASH_DAYS`."""
    try:
        purge(execute=True)
    except AlreadyRunningError:  # perhaps that of a command
        log.info("already_running", task="catalog.purge_trash")
