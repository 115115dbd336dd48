from celery import shared_task

from sartiq.core.http import idempotency


@shared_task(name="core.forget_idempotency_keys")
def forget_idempotency_keys() -> None:
    """Drop the answers kept for longer than a client may repeat a request."""
    idempotency.forget_expired()
