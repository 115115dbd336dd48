"""The listening socket of the web processes, and how they are stopped."""

import errno
import multiprocessing
import signal
import socket
import sys
from typing import Any

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


def lose_first_signal(is_ready: Any) -> None:
    """Run as a web process that exits at the second stop signal only."""

    def lose(*_: Any) -> None:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

    signal.signal(signal.SIGTERM, lose)
    is_ready.set()
    while True:
        signal.pause()


def test_a_process_that_lost_its_stop_signal_gets_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "RESEND_SECONDS", 0.1)
    context = multiprocessing.get_context("spawn")
    is_ready = context.Event()
    process: Any = context.Process(target=lose_first_signal, args=(is_ready,))
    process.idx = 0
    process.start()
    supervisor: Any = server.Supervisor.__new__(server.Supervisor)
    supervisor.wrks, supervisor.workers_kill_timeout = [process], 10
    assert is_ready.wait(60)

    supervisor._stop_workers()

    assert process.exitcode == 0  # it was not killed
