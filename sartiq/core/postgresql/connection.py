"""Connections whose waits end at the deadline of the request, and soon when the server hangs.

The deadline is `REQUEST_SECONDS`, the time-out of a statement on the server
`DATABASE_STATEMENT_SECONDS` (sartiq/settings/environment.py).
"""

import socket
import struct
from typing import Any, Final, TypeVar

import psycopg
from django.db import OperationalError as DjangoError
from django.db import connections
from psycopg.abc import PQGen
from psycopg.errors import CancellationTimeout, ConnectionTimeout, OperationalError, _WaitTimeout
from psycopg.waiting import Ready

from sartiq.core.limits import request_limits
from sartiq.core.limits.breaker import Breaker
from sartiq.core.limits.request_limits import RequestLimits

QUICK_SECONDS: Final = 0.05  # for a statement; during a slower one, another request may run
SILENT_SECONDS: Final = 1.0  # without the end of a statement; then the server is checked
CHECK_SECONDS: Final = 1.0  # for a response to the message below
CANCEL_SECONDS: Final = 1.0  # for a statement to end after its deadline
INTERRUPT_SECONDS: Final = 0.1  # between two checks for signals, as in psycopg
# "Do you support TLS?" is the first message of a connection. The response is one byte, sent before
# authentication and even if all connections of the server are in use.
SSL_REQUEST: Final = struct.pack("!ii", 8, 80877103)

Result = TypeVar("Result")


class Connection(psycopg.Connection[Any]):
    """A connection to PostgreSQL; outside a request it is psycopg's."""

    def wait(
        self,
        gen: PQGen[Result],
        interval: float = INTERRUPT_SECONDS,
        timeout: float | None = None,
    ) -> Result:
        """Wait for the server; the connection is closed when it does not respond in time."""
        limits = request_limits.current()
        if limits is None or timeout is not None:
            return super().wait(gen, interval, timeout)
        try:
            require_server()
            return self._wait_within(limits, gen, interval)
        except ServerHangsError:
            self.close()
            raise

    def _wait_within(self, limits: RequestLimits, gen: PQGen[Result], interval: float) -> Result:
        try:
            return super().wait(gen, interval, QUICK_SECONDS)
        except _WaitTimeout:
            gen = _resumed(gen)
        with limits.holding_permit():
            while True:
                # COMMIT and ROLLBACK may follow the deadline.
                seconds = limits.remaining()
                seconds = min(seconds, SILENT_SECONDS) if seconds > 0 else SILENT_SECONDS
                try:
                    return super().wait(gen, interval, seconds)
                except _WaitTimeout:
                    pass
                if limits.remaining() <= 0:
                    return self._wait_for_cancel(gen, interval)
                if breaker.is_open or not responds(self.pgconn):
                    breaker.open()
                    raise ServerHangsError

    def _wait_for_cancel(self, gen: PQGen[Result], interval: float) -> Result:
        """Cancel the statement; raises QueryCanceled unless it has just ended."""
        try:
            self.cancel_safe(timeout=CANCEL_SECONDS)
            return super().wait(gen, interval, CANCEL_SECONDS)
        except (_WaitTimeout, CancellationTimeout):
            raise ServerHangsError from None


def _resumed(gen: PQGen[Result]) -> PQGen[Result]:
    """Continue a wait that timed out, in a generator that can be started again."""
    try:
        state = gen.send(Ready.NONE)
        while True:
            ready = yield state
            state = gen.send(ready or Ready.NONE)
    except StopIteration as end:
        result: Result = end.value
        return result


class ServerHangsError(OperationalError):
    """Raised when PostgreSQL accepts connections and does not respond."""

    def __init__(self) -> None:
        super().__init__("PostgreSQL does not respond.")


class RequestTimeError(DjangoError):
    """Raised when a request has used its time; handled like any failure of the database."""


def require_server() -> None:
    """Raise ServerHangsError in a request while the server hangs."""
    if breaker.is_open and request_limits.current() is not None:
        raise ServerHangsError


def require_time(execute: Any, sql: Any, parameters: Any, many: Any, context: Any) -> Any:
    """Start no statement after the deadline of the request (a wrapper of Django's `execute`)."""
    limits = request_limits.current()
    if limits is not None and limits.remaining() <= 0:
        raise RequestTimeError
    return execute(sql, parameters, many, context)


def responds(server: "psycopg.pq.abc.PGconn") -> bool:
    """Return False if the server of this connection accepts another one and does not speak."""
    host, port = (server.hostaddr or server.host).decode(), server.port.decode()
    try:
        with _connected(host, port) as connection:
            connection.settimeout(CHECK_SECONDS)
            connection.sendall(SSL_REQUEST)
            connection.recv(1)
    except TimeoutError:
        return False
    except OSError:
        return True  # it is down, which the waiting connection notices
    return True


def _connected(host: str, port: str) -> socket.socket:
    if not host.startswith("/"):
        return socket.create_connection((host, int(port)), timeout=CHECK_SECONDS)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(CHECK_SECONDS)
        connection.connect(f"{host}/.s.PGSQL.{port}")
    except BaseException:
        connection.close()
        raise
    return connection


def _connects() -> bool:
    """Return False if connecting to the server takes longer than `connect_timeout`."""
    try:
        psycopg.Connection.connect(**connections["default"].get_connection_params()).close()
    except ConnectionTimeout:
        return False
    except psycopg.Error:
        return True  # it is down or refuses us, so it responds
    return True


breaker = Breaker("postgresql", probe=_connects, max_failures=1)
