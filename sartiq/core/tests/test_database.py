from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.db import close_old_connections, connection, transaction
from django.db.utils import DataError, OperationalError
from django.utils import timezone

from accounts.models import User
from accounts.tests.factories import UserFactory
from sartiq.core.models import IdempotencyKey
from sartiq.core.statements import insert_all, select_by_id


@pytest.fixture
def backend_pid(transactional_db: None) -> Iterator[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid: int = cursor.fetchone()[0]
    yield pid
    connection.close()


@pytest.mark.covers("F13")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("statement_timeout", "10s"),
        ("lock_timeout", "3s"),
        ("idle_in_transaction_session_timeout", "15s"),
        ("TimeZone", "UTC"),
    ],
)
@pytest.mark.django_db
def test_no_request_holds_the_database_for_long(name: str, value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])

        assert cursor.fetchone()[0] == value


@pytest.mark.covers("F10")
def test_an_open_connection_is_usable_without_a_query(backend_pid: int) -> None:
    assert connection.is_usable()


@pytest.mark.covers("F10")
def test_a_connection_closed_by_the_server_is_detected_and_replaced(backend_pid: int) -> None:
    other_connection = connection.copy()
    with other_connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [backend_pid])
    other_connection.close()

    is_usable = connection.is_usable()
    close_old_connections()  # what Django does between two requests
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]

    assert not is_usable
    assert pid != backend_pid


@pytest.mark.django_db
def test_a_cached_statement_reads_the_same_row_as_the_orm() -> None:
    user = UserFactory.create(full_name="Ada")

    selected_row = select_by_id(User, user.pk)

    assert selected_row is not None
    assert {**selected_row.__dict__, "_state": None} == {
        **User.objects.get(pk=user.pk).__dict__,
        "_state": None,
    }


@pytest.mark.django_db
def test_a_deferred_field_is_read_on_access() -> None:
    user = UserFactory.create()

    selected_row = select_by_id(User, user.pk, without=("created_at",))

    assert selected_row is not None
    assert selected_row.get_deferred_fields() == {"created_at"}
    assert selected_row.created_at == user.created_at


def key_rows(**values: Any) -> list[IdempotencyKey]:
    """Return two unsaved rows: one with many values, one with few."""
    common = {"user_id": uuid4(), "route": "r", "body_hash": "h", "locked_until": timezone.now()}
    full_values = {"status_code": 201, "answer": {"a": ["'", None]}, "location": "x", **values}
    return [
        IdempotencyKey(**common, key="1", **full_values),
        IdempotencyKey(**common, key="2"),
    ]


@pytest.mark.django_db
def test_rows_inserted_with_one_statement_are_those_of_the_orm() -> None:
    rows = key_rows()

    insert_all(rows)

    for row in rows:
        stored_row = IdempotencyKey.objects.get(pk=row.pk)
        assert {**stored_row.__dict__, "_state": None} == {**row.__dict__, "_state": None}
        assert (row._state.adding, row._state.db) == (False, "default")


@pytest.mark.django_db
def test_a_text_that_is_too_long_is_not_truncated_when_many_rows_are_inserted() -> None:
    with pytest.raises(DataError), transaction.atomic():
        insert_all(key_rows(location="x" * 501))
    insert_all([])

    assert not IdempotencyKey.objects.exists()


@pytest.mark.covers("F13")
def test_a_statement_that_runs_too_long_is_stopped(transactional_db: None) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '20ms'")

        with pytest.raises(OperationalError), transaction.atomic():
            cursor.execute("SELECT pg_sleep(5)")


MAX_PARAMETERS = 65_535


@pytest.mark.django_db
def test_a_row_is_found_among_any_number_of_values() -> None:
    user, _ = UserFactory.create(), UserFactory.create()
    ids = [uuid4() for _ in range(MAX_PARAMETERS + 1)]

    assert User.objects.filter(pk__among=[*ids, user.pk, None]).get() == user
    assert User.objects.filter(email__among={user.email}).get() == user
    assert not User.objects.filter(pk__among=[]).exists()
    assert User.objects.exclude(pk__among=[]).count() == 2
