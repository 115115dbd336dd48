"""Row locks that another transaction holds, and changes that must wait for them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.db.models import Model


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
