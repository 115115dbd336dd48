"""Locks that let one process at a time do a piece of work, whatever the number of hosts."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import psycopg
from django.db import connection

from sartiq.core.errors import ConflictError

LOCK_CLASS: Final = 0x5A27  # the first half of the key of every lock of this product


class AlreadyRunningError(ConflictError):
    """Raised when another process holds the lock."""

    message = "Another run is in progress. Wait until it has ended."


@contextmanager
def exclusive(name: str) -> Iterator[None]:
    """Hold the lock `name` during the block; raises AlreadyRunningError when another one has it.

    The lock is held by a transaction on a connection of its own, so it works through a transaction
    pooler and ends with the process. That transaction writes nothing and has no snapshot.
    """
    with connection.wrap_database_errors:
        session = psycopg.connect(**connection.get_connection_params())
    try:
        with connection.wrap_database_errors:
            is_locked = _lock(session, name)
        if not is_locked:
            raise AlreadyRunningError
        yield
    finally:
        with suppress(psycopg.Error):
            session.rollback()  # waits until the lock is free; `close` would not
        session.close()


def _lock(session: "psycopg.Connection[Any]", name: str) -> bool:
    session.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    number = zlib.crc32(name.encode()) - 2**31  # an int4
    statement = "SELECT pg_try_advisory_xact_lock(%s::int, %s::int)"
    row = session.execute(statement, [LOCK_CLASS, number]).fetchone()
    return bool(row and row[0])
