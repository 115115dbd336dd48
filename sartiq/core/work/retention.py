"""Retention of the tables of `sartiq.core` and of the packages that it configures.

The periods are `EVENT_RETENTION_DAYS` and `SIGN_IN_FAILURE_RETENTION_DAYS`
(sartiq/settings/environment.py).
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from sartiq.core.http import idempotency
from sartiq.core.models import IdempotencyKey
from sartiq.core.work import old_rows

log = structlog.get_logger(__name__)


def _idempotency_keys(now: datetime) -> QuerySet[IdempotencyKey]:
    before = now - idempotency.LIFETIME
    return IdempotencyKey.objects.filter(created_at__lt=before).order_by("created_at")


def _sessions(now: datetime) -> QuerySet[Session]:
    return Session.objects.filter(expire_date__lt=now).order_by("expire_date")


def _refresh_tokens(now: datetime) -> QuerySet[Any]:
    """Return expired tokens; their entries in the blacklist go with them."""
    rows: QuerySet[Any] = OutstandingToken.objects.filter(expires_at__lt=now)
    return rows.order_by("expires_at")


def _failed_sign_ins(now: datetime) -> QuerySet[Any]:
    before = now - timedelta(days=settings.SIGN_IN_FAILURE_RETENTION_DAYS)
    rows: QuerySet[Any] = AccessAttempt.objects.filter(attempt_time__lt=before)
    return rows.order_by("attempt_time")


def _admin_history(now: datetime) -> QuerySet[LogEntry]:
    """Return old entries of the admin's history, which is kept as long as the events."""
    before = now - timedelta(days=settings.EVENT_RETENTION_DAYS)
    return LogEntry.objects.filter(action_time__lt=before).order_by("action_time")


OLD_ROWS: Final[tuple[Callable[[datetime], QuerySet[Any]], ...]] = (
    _idempotency_keys,
    _sessions,
    _refresh_tokens,
    _failed_sign_ins,
    _admin_history,
)


def discard_old_rows(*, now: datetime) -> dict[str, int]:
    """Delete the rows past their retention period; return how many of each table."""
    deleted = {}
    for old in OLD_ROWS:
        rows = old(now)
        deleted[rows.model._meta.label_lower] = old_rows.delete_in_batches(rows)  # noqa: SLF001
    log.info("old_rows_discarded", **{name.replace(".", "_"): n for name, n in deleted.items()})
    return deleted
