"""Tasks of exports: each takes an id, calls one service, and may be delivered repeatedly."""

from uuid import UUID

import structlog
from celery import shared_task
from django.conf import settings

from exports.services import build_archive, convert_item, recovery, retention
from sartiq.core.work.exclusive import AlreadyRunningError

log = structlog.get_logger(__name__)


@shared_task(name="exports.convert")
def convert(*, item_id: str) -> None:
    """Produce one file of an export."""
    convert_item.produce(UUID(item_id))


@shared_task(name="exports.assemble", time_limit=settings.ASSEMBLY_TIME_LIMIT)
def assemble(*, run_id: str) -> None:
    """Pack one export whose files are finished."""
    build_archive.assemble(UUID(run_id))


@shared_task(name="exports.recover")
def recover() -> None:
    """Re-enqueue waiting rows."""
    recovery.resend()


@shared_task(name="exports.discard_expired")
def discard_expired() -> None:
    """Discard the archives, and later the exports, whose retention time has passed."""
    try:
        retention.discard_expired()
    except AlreadyRunningError:
        log.info("already_running", task="exports.discard_expired")
    retention.discard_old_runs()
