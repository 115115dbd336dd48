"""Free loopback ports, and checks of whether a server responds on one."""

import contextlib
import secrets
import socket
import urllib.error
import urllib.request
from http import HTTPStatus
from http.client import HTTPException

LOOPBACK = "127.0.0.1"
GRPC_OFFSET = 10_000  # SeaweedFS also opens the port at this offset
# Both ports of a pair are below the range of Linux client ports. The range is no wider than the
# offset, so no port is the second port of another pair, which SeaweedFS rejects.
MIN_PORT, MAX_PORT = 12_000, 12_000 + GRPC_OFFSET


def free_port() -> int:
    """Return a free loopback port."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def free_pairs(count: int) -> list[int]:
    """Return ports that are free together with the port 10,000 above each."""
    ports: set[int] = set()
    while len(ports) < count:
        port = MIN_PORT + secrets.randbelow(MAX_PORT - MIN_PORT)
        if _is_free(port) and _is_free(port + GRPC_OFFSET):
            ports.add(port)
    return sorted(ports)


def is_listening(port: int) -> bool:
    """Return whether a server accepts connections on the port."""
    with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), 1):
        return True
    return False


def serves(url: str) -> bool:
    """Return whether a GET returns a status below 500."""
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310  always our own address
            return True
    except urllib.error.HTTPError as error:
        return error.code < HTTPStatus.INTERNAL_SERVER_ERROR
    except (OSError, HTTPException):
        return False


def _is_free(port: int) -> bool:
    with contextlib.suppress(OSError), socket.socket() as probe:
        probe.bind((LOOPBACK, port))
        return True
    return False
