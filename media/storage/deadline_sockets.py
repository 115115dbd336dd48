"""HTTP connections bound by the deadline of their operation.

A socket time-out limits one wait; a server that sends one byte per second never exceeds it. So
before each wait these sockets check how much time `deadline.time_limit` leaves, and wait no longer.
"""

import os
import socket
import ssl
from datetime import timedelta
from functools import cache
from typing import Any, Final

from botocore.httpsession import get_cert_path
from botocore.utils import get_environ_proxies
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, ProxyManager, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import create_urllib3_context, parse_url

from media.storage.deadline import OPERATION_BUDGET, remaining, within

CONNECT_SECONDS: Final = 2
READ_SECONDS: Final = 5

_READ: Final = timedelta(seconds=READ_SECONDS)


def open_pool(endpoint_url: str, *, size: int) -> PoolManager:
    """Return a pool for one endpoint, with the certificates and proxies boto3 would use."""
    options: dict[str, Any] = {
        "maxsize": size,
        "ssl_context": _context(_ca_bundle(), _TlsSocket),
        "timeout": Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
        "retries": False,
    }
    proxy = get_environ_proxies(endpoint_url).get(parse_url(endpoint_url).scheme or "")
    pool = ProxyManager(proxy, **options) if proxy else PoolManager(**options)
    pool.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
    return pool


def pinned_pool(address: str, *, port: int, host: str, ca_file: str | None) -> HTTPSConnectionPool:
    """Return a pool that connects to this address and requires a certificate for `host`.

    `ca_file` has the trusted certificates; None stands for the public ones. A remote host may use
    all the time that `time_limit` leaves for a single step.
    """
    timeout = _next_timeout(OPERATION_BUDGET)
    return _TlsPool(
        f"[{address}]" if ":" in address else address,
        port,
        ssl_context=_context(ca_file or get_cert_path(verify=True), _PinnedSocket),
        server_hostname=host,
        timeout=Timeout(connect=timeout, read=timeout),
        maxsize=1,
    )


@cache
def _context(ca_file: str, socket_class: type[ssl.SSLSocket]) -> ssl.SSLContext:
    """Return the context that trusts these certificates; reading them takes 50 ms of CPU time."""
    context = create_urllib3_context()
    context.load_verify_locations(cafile=ca_file)
    context.sslsocket_class = socket_class
    return context


def _ca_bundle() -> str:
    bundle = os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE")
    return str(bundle or get_cert_path(verify=True))


def _next_timeout(limit: timedelta) -> float:
    """Return the timeout of the next wait; raises TimeoutError when no time is left."""
    seconds = remaining(limit)
    if seconds <= 0:
        raise TimeoutError
    return seconds


class _Socket(socket.socket):
    """A plain connection."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(_next_timeout(_READ))
        return super().recv_into(*args, **kwargs)


class _TlsSocket(ssl.SSLSocket):
    """An encrypted connection."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(_next_timeout(_READ))
        return super().recv_into(*args, **kwargs)


class _PinnedSocket(ssl.SSLSocket):
    """An encrypted connection to a remote host."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(_next_timeout(OPERATION_BUDGET))
        return super().recv_into(*args, **kwargs)


def _bounded(connected: socket.socket) -> _Socket:
    limit = OPERATION_BUDGET
    if (timeout := connected.gettimeout()) is not None:
        limit = timedelta(seconds=timeout)
    wrapped = _Socket(fileno=connected.detach())
    # For the handshake: connecting has used some of the time.
    wrapped.settimeout(_next_timeout(limit))
    return wrapped


# urllib3's own SOCKS support also creates its sockets in `_new_conn`. Name resolution has no
# time-out, so connecting runs on a thread that can be abandoned.
class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _bounded(within(OPERATION_BUDGET, super()._new_conn))


class _TlsConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _bounded(within(OPERATION_BUDGET, super()._new_conn))


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection
