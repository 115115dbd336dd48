"""The listening socket of the web processes."""

import errno
import socket

import pytest
from granian._granian import ListenerSpec

from devstack.process.ports import free_port
from sartiq import server


def test_a_client_that_reads_nothing_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "UNREAD_SECONDS", 1)
    port = free_port()
    listener = server.listening(ListenerSpec("127.0.0.1", port, 128))

    with socket.socket(fileno=listener.get_fd()) as listening_socket:
        listening_socket.listen()
        with (
            socket.create_connection(("127.0.0.1", port)),
            listening_socket.accept()[0] as accepted_socket,
            pytest.raises(TimeoutError) as excinfo,
        ):
            accepted_socket.sendall(bytes(64 * 1024 * 1024))

    assert excinfo.value.errno == errno.ETIMEDOUT
