from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from sartiq.core.events import partitions
from sartiq.core.http import idempotency


@shared_task(name="core.forget_idempotency_keys")
def forget_idempotency_keys() -> None:
    """Delete expired idempotency keys with their stored responses."""
    idempotency.delete_expired()


@shared_task(name="core.maintain_event_partitions")
def maintain_event_partitions() -> None:
    """Create the next partitions of the events and drop those past the retention period."""
    retention = timedelta(days=settings.EVENT_RETENTION_DAYS)
    partitions.maintain(now=timezone.now(), retention=retention)
