"""The connection of a request that is refused before its body was read."""

import socket
import sys
from collections.abc import Iterator

import pytest

from devstack.folders import CHECKOUT
from devstack.process.child import Child
from devstack.process.ports import LOOPBACK, free_port, is_listening
from sartiq.core.asgi.application import MAX_SKIPPED_BODY_BYTES
from sartiq.core.tests.http import asgi
from sartiq.core.tests.http.busy_application import application

APPLICATION = "sartiq.core.tests.http.busy_application:application"
TIMEOUT_SECONDS = 10.0
GET = b"GET /b HTTP/1.1\r\nHost: testserver\r\n\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a web process that refuses every request."""
    port = free_port()
    options = ("--interface", "asgi", "--http", "1", "--loop", "uvloop", "--no-ws")
    address = ("--host", LOOPBACK, "--port", str(port))
    child = Child(
        name="web",
        command=[sys.executable, "-m", "granian", *options, *address, APPLICATION],
        log=tmp_path_factory.mktemp("web") / "log",
        cwd=CHECKOUT,
    )
    child.start()
    try:
        child.wait_until(lambda: is_listening(port))
        yield port
    finally:
        child.stop()


@pytest.fixture
def connection(port: int) -> Iterator[socket.socket]:
    with socket.create_connection((LOOPBACK, port), timeout=TIMEOUT_SECONDS) as connection:
        yield connection


def head(size: int) -> bytes:
    return b"POST /a HTTP/1.1\r\nHost: testserver\r\nContent-Length: %d\r\n\r\n" % size


def receive_response(connection: socket.socket) -> bytes:
    """Return one response of the application."""
    received = b""
    while not received.endswith(b"}"):
        chunk = connection.recv(65536)
        assert chunk, received
        received += chunk
    return received


@pytest.mark.parametrize("size", [1, 500, MAX_SKIPPED_BODY_BYTES])
def test_a_short_body_is_skipped_and_the_connection_is_used_again(
    connection: socket.socket, size: int
) -> None:
    connection.sendall(head(size) + b"x" * size)
    first_response = receive_response(connection)
    connection.sendall(GET)
    second_response = receive_response(connection)

    assert first_response.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: 1\r\n" in first_response.lower()
    assert second_response.startswith(b"HTTP/1.1 503 ")


def test_a_client_that_sends_no_body_is_refused_and_disconnected(
    connection: socket.socket,
) -> None:
    connection.sendall(head(10))

    assert receive_response(connection).startswith(b"HTTP/1.1 503 ")
    assert connection.recv(1) == b""


@pytest.mark.parametrize("size", [1, MAX_SKIPPED_BODY_BYTES, MAX_SKIPPED_BODY_BYTES + 1])
def test_a_refused_request_keeps_its_connection(size: int) -> None:
    """granian skips a short body that is not received here; a longer one is received first."""
    body = b"x" * size
    received = [{"type": "http.request", "body": body, "more_body": False}]
    never = [{"type": "http.disconnect"}]
    is_skipped = size <= MAX_SKIPPED_BODY_BYTES

    status, headers, _ = asgi.ask(
        application, "/a", "POST", body=body, messages=never if is_skipped else received
    )

    assert (status, headers.get("Connection")) == (503, None)
