"""Row locks that another transaction holds, and changes that must wait for them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.db.models import Model
from psycopg import sql as query


@contextmanager
def locked_by_another(row: Model) -> Iterator[None]:
    """Hold a lock on the row in a transaction of another connection.

    Like an update, it blocks other locks of the row but not new foreign keys to it.
    """
    is_locked, may_end = Event(), Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                rows = type(row)._base_manager.select_for_update(no_key=True)
                rows.get(pk=row.pk)
                is_locked.set()
                may_end.wait(60)
        finally:
            connections.close_all()

    thread = Thread(target=hold)
    thread.start()
    try:
        assert is_locked.wait(60)
        yield
    finally:
        may_end.set()
        thread.join()


@contextmanager
def short_lock_timeout() -> Iterator[None]:
    """Let this connection wait at most 100 ms for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")
        try:
            yield
        finally:
            cursor.execute("RESET lock_timeout")


def check_that_it_waits(change: Callable[[], object], row: Model) -> None:
    """Check that a change waits while another transaction has locked the row."""
    with (
        locked_by_another(row),
        short_lock_timeout(),
        pytest.raises(OperationalError, match="lock timeout"),
    ):
        change()


@contextmanager
def locked_before_update(row: Model) -> Iterator[None]:
    """Check that the block locks the row before the first statement that updates its table.

    Without the lock, the statement could overwrite what another transaction has committed since the
    row was read.
    """
    update = f'UPDATE "{row._meta.db_table}"'
    was_locked: list[bool] = []

    def check(execute: Callable[..., Any], sql: Any, params: Any, many: Any, context: Any) -> Any:
        if str(sql).startswith(update):
            was_locked.append(_is_locked(row))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(check):
        yield
    assert was_locked[:1] == [True]


def _is_locked(row: Model) -> bool:
    """Return whether another connection cannot lock the row."""
    statement = query.SQL("SELECT 1 FROM {} WHERE id = %s FOR NO KEY UPDATE SKIP LOCKED")
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute(statement.format(query.Identifier(row._meta.db_table)), [row.pk])
            return cursor.fetchone() is None
    finally:
        other.close()
