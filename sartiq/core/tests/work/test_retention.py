"""Old rows of the core and of the packages it configures are deleted, and no others."""

from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from accounts.models import User
from accounts.tests.factories import UserFactory
from sartiq.core.models import IdempotencyKey, new_id
from sartiq.core.work import old_rows
from sartiq.core.work.retention import discard_old_rows

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def rows_of(user: User, *, age: timedelta) -> None:
    """Create one row of each kind that reached its period `age` ago."""
    name = str(new_id())
    times: list[tuple[Any, str, Any]] = [
        (idempotency_key(user, name), "created_at", NOW - timedelta(hours=24) - age),
        (
            AccessAttempt.objects.create(username=name, failures_since_start=1),
            "attempt_time",
            NOW - timedelta(days=30) - age,
        ),
        (
            LogEntry.objects.create(user=user, object_repr=name, action_flag=CHANGE),
            "action_time",
            NOW - timedelta(days=365) - age,
        ),
    ]
    Session.objects.create(session_key=name, session_data="x", expire_date=NOW - age)
    token = OutstandingToken.objects.create(
        user=user, jti=name, token="x", created_at=NOW, expires_at=NOW - age
    )
    BlacklistedToken.objects.create(token=token)
    for row, field, time in times:
        type(row)._base_manager.filter(pk=row.pk).update(**{field: time})


def idempotency_key(user: User, key: str) -> IdempotencyKey:
    return IdempotencyKey.objects.create(
        user_id=user.pk, route="r", key=key, body_hash="h", locked_until=NOW
    )


def test_the_rows_past_their_period_are_deleted_from_each_table() -> None:
    user = UserFactory.create()
    rows_of(user, age=timedelta(minutes=1))
    rows_of(user, age=timedelta(minutes=1))
    rows_of(user, age=-timedelta(minutes=1))

    deleted = discard_old_rows(now=NOW)
    second_deleted = discard_old_rows(now=NOW)

    tables = (
        *("core.idempotencykey", "sessions.session", "token_blacklist.outstandingtoken"),
        *("axes.accessattempt", "admin.logentry"),
    )
    assert deleted == dict.fromkeys(tables, 2)
    assert second_deleted == dict.fromkeys(tables, 0)
    for model in (IdempotencyKey, Session, OutstandingToken, BlacklistedToken, AccessAttempt):
        assert model._base_manager.count() == 1
    assert LogEntry.objects.count() == 1


def test_batches_are_bounded_and_follow_the_order() -> None:
    user = UserFactory.create()
    keys = [idempotency_key(user, str(n)) for n in range(7)]
    rows = IdempotencyKey.objects.order_by("pk")

    deleted = old_rows.delete_in_batches(rows, batch_size=2, max_batches=2)

    assert deleted == 4
    assert list(rows) == keys[4:]


@pytest.mark.django_db(transaction=True)
def test_a_locked_row_is_left_for_the_next_run() -> None:
    user = UserFactory.create()
    locked_row, other_row = idempotency_key(user, "locked"), idempotency_key(user, "free")
    other_connection = connection.copy()
    try:
        with other_connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(
                "SELECT 1 FROM core_idempotencykey WHERE id = %s FOR UPDATE", [locked_row.pk]
            )
            deleted = old_rows.delete_batch(IdempotencyKey.objects.order_by("pk"))
            cursor.execute("ROLLBACK")
    finally:
        other_connection.close()

    assert deleted == 1
    assert not IdempotencyKey.objects.filter(pk=other_row.pk).exists()
    assert IdempotencyKey.objects.filter(pk=locked_row.pk).exists()
