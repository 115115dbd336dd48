"""Loopback ports: free ones, and whether somebody answers on one."""

import contextlib
import secrets
import socket
import urllib.error
import urllib.request
from http import HTTPStatus
from http.client import HTTPException

LOOPBACK = "127.0.0.1"
GRPC_OFFSET = 10_000  # SeaweedFS opens each port a second time at this distance
# Both ports of a pair lie below the range from which Linux hands out client ports. The range is
# no wider than the offset, so that no port is the second one of another pair: SeaweedFS refuses it.
LOWEST, HIGHEST = 12_000, 12_000 + GRPC_OFFSET


def free_port() -> int:
    """Return a loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def free_pairs(count: int) -> list[int]:
    """Return ports that are free together with the port 10,000 above each."""
    ports: set[int] = set()
    while len(ports) < count:
        port = LOWEST + secrets.randbelow(HIGHEST - LOWEST)
        if _is_free(port) and _is_free(port + GRPC_OFFSET):
            ports.add(port)
    return sorted(ports)


def is_listening(port: int) -> bool:
    """Return whether something accepts connections on the port."""
    with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), 1):
        return True
    return False


def serves(url: str) -> bool:
    """Return whether a GET is answered with anything but an error of the server."""
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
