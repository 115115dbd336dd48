"""Django's PostgreSQL backend with deadlines, and a health check that needs no round trip.

Django runs `SELECT 1` before the first query of every request on a persistent connection, a tenth
of the time of a presign. If the server has closed the connection, the socket is readable, which the
kernel reports without a round trip; TCP keep-alive and user time-out (see the settings) detect a
server that disappeared silently.
"""

import select
from types import SimpleNamespace
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg.errors import ConnectionTimeout
from psycopg.pq import ConnStatus

from sartiq.core.limits import request_limits
from sartiq.core.postgresql import connection


class DatabaseWrapper(base.DatabaseWrapper):
    """PostgreSQL with deadlines and an `is_usable` that only checks the socket."""

    # Django takes psycopg's exceptions and `connect` from here.
    Database = SimpleNamespace(  # type: ignore[assignment]  # a module in Django
        **{**vars(psycopg), "connect": connection.Connection.connect}
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.execute_wrappers.append(connection.require_time)

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect, unless the server is known to hang."""
        connection.require_server()
        try:
            return super().get_new_connection(conn_params)
        except ConnectionTimeout:
            if request_limits.current() is not None:
                connection.breaker.open()
            raise

    def is_usable(self) -> bool:
        """Return whether the persistent connection is still open; nothing is sent."""
        current = self.connection
        if current is None or current.closed or current.pgconn.status != ConnStatus.OK:
            return False
        waiting = select.poll()
        waiting.register(current.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
        return not waiting.poll(0)
