from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from sartiq.core.events import partitions
from sartiq.core.work import retention


@shared_task(name="core.discard_old_rows")
def discard_old_rows() -> None:
    """Delete idempotency keys, sessions, tokens and other rows past their retention period."""
    retention.discard_old_rows(now=timezone.now())


@shared_task(name="core.maintain_event_partitions")
def maintain_event_partitions() -> None:
    """Create the next partitions of the events and drop those past the retention period."""
    kept = timedelta(days=settings.EVENT_RETENTION_DAYS)
    partitions.maintain(now=timezone.now(), retention=kept)
