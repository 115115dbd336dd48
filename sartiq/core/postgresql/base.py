"""Django's PostgreSQL backend with a health check that needs no round trip.

Django runs `SELECT 1` before the first query of every request on a persistent connection, a tenth
of the time of a presign. If the server has closed the connection, the socket is readable, which the
kernel reports without a round trip; TCP keep-alive and user time-out (see the settings) detect a
server that disappeared silently.
"""

import select

from django.db.backends.postgresql import base
from psycopg.pq import ConnStatus


class DatabaseWrapper(base.DatabaseWrapper):
    """PostgreSQL with an `is_usable` that only checks the socket."""

    def is_usable(self) -> bool:
        """Return whether the persistent connection is still open; nothing is sent."""
        connection = self.connection
        if connection is None or connection.closed or connection.pgconn.status != ConnStatus.OK:
            return False
        waiting = select.poll()
        waiting.register(connection.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
        return not waiting.poll(0)
