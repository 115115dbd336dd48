from celery import shared_task

from sartiq.core.http import idempotency


@shared_task(name="core.forget_idempotency_keys")
def forget_idempotency_keys() -> None:
    """Delete expired idempotency keys with their stored responses."""
    idempotency.delete_expired()
