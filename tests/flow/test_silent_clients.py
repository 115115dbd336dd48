"""Clients that send half a request, or nothing, do not block other clients."""

import select
import socket
import time

import httpx
import pytest

from devstack.product import Product
from tests.flow.api_client import ApiClient

pytestmark = pytest.mark.flow

CONNECTIONS = 64
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
MULTIPART = "multipart/form-data; boundary=x"
REQUESTS = [  # method, path, Content-Type, Content-Length
    ("POST", "/api/v1/login/access-token", FORM, 100),
    ("POST", "/api/v1/uploads/presigned-url", JSON, 100),
    ("POST", "/api/v1/products/", JSON, 900_000),
    ("POST", "/api/v1/bulk-upload/", MULTIPART, 100_000_000),
    ("POST", "/admin/login/", FORM, 100),
    ("POST", "/files/media/1/a.png", JSON, 100),
    ("GET", "/files/media/1/a.png", JSON, 100),
]
DISCONNECT_SECONDS = 40
RESPONSE_SECONDS = 5  # on an idle machine, one second is enough


def silent_client(running_product: Product, number: int, token: str) -> socket.socket:
    """Connect and stop in the middle of a request, or before it; every other one has a token."""
    connection = socket.create_connection(("127.0.0.1", running_product.port))
    kind, signed_in = number % (len(REQUESTS) + 1), number % 2
    if kind < len(REQUESTS):
        method, path, content_type, length = REQUESTS[kind]
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Type: {content_type}"]
        lines += [f"Content-Length: {length}"]
        lines += [f"Authorization: Bearer {token}"] if signed_in else []
        connection.sendall("\r\n".join([*lines, "", "{"]).encode())
    return connection


def test_silent_clients_do_not_block_others_and_are_disconnected(
    running_product: Product, api_client: ApiClient
) -> None:
    token = api_client.http.headers["Authorization"].removeprefix("Bearer ")
    silent_sockets = {
        silent_client(running_product, number, token) for number in range(CONNECTIONS)
    }
    deadline = time.monotonic() + DISCONNECT_SECONDS
    payload = {"filename": "a.jpg", "content_type": "image/jpeg", "file_size": 100}

    while silent_sockets and time.monotonic() < deadline:
        # A new client, so that it has a new connection.
        with httpx.Client(base_url=running_product.api, timeout=RESPONSE_SECONDS) as client:
            assert client.get("/health/live").status_code == 200
            assert client.get("/files/media/1/a.png").status_code == 302
            headers = {"Authorization": f"Bearer {token}"}
            response = client.post("/api/v1/uploads/presigned-url", json=payload, headers=headers)
            assert response.status_code == 200
        closed_or_readable, _, _ = select.select(silent_sockets, [], [], 0.2)
        for connection in closed_or_readable:
            if not _sends_data(connection):
                silent_sockets.remove(connection)
                connection.close()

    assert not silent_sockets


def _sends_data(connection: socket.socket) -> bool:
    try:
        return bool(connection.recv(65536))
    except ConnectionResetError:
        return False
