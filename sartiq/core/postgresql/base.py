"""Django's PostgreSQL backend with a health check that costs no round trip.

Django asks `SELECT 1` before the first query of every request on a persistent connection: a tenth
of a presign. A connection that the server closed has an end of file to read, which the kernel
reports without a round trip; TCP keep-alive and user time-out (see the settings) detect a server
that vanished silently.
"""

import select

from django.db.backends.postgresql import base
from psycopg.pq import ConnStatus


class DatabaseWrapper(base.DatabaseWrapper):
    """PostgreSQL, with `is_usable` answered by the socket."""

    def is_usable(self) -> bool:
        """Return whether the persistent connection is still open; nothing is sent."""
        connection = self.connection
        if connection is None or connection.closed or connection.pgconn.status != ConnStatus.OK:
            return False
        waiting = select.poll()
        waiting.register(connection.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
        return not waiting.poll(0)
