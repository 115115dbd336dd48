"""Tasks of exports: each takes an id, calls one service, and may be delivered repeatedly."""

from uuid import UUID

from celery import shared_task
from django.conf import settings

from exports.services import build_archive, convert_item, recovery, retention


@shared_task(name="exports.convert")
def convert(*, item_id: str) -> None:
    """Make one file of an export."""
    convert_item.make(UUID(item_id))


@shared_task(name="exports.assemble", time_limit=settings.ASSEMBLY_TIME_LIMIT)
def assemble(*, run_id: str) -> None:
    """Pack one export whose files are made."""
    build_archive.assemble(UUID(run_id))


@shared_task(name="exports.recover")
def recover() -> None:
    """Tell the workers again of what waits."""
    recovery.resend()


@shared_task(name="exports.discard_expired")
def discard_expired() -> None:
    """Discard the archives that were kept for seven days."""
    retention.discard_expired()
