"""Each fault of the proxy, on connections that were open before it began."""

import http.client
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from chaos import store_proxy
from chaos.store_proxy import LATENCY_SECONDS, StoreFault, StoreProxy

REQUESTS = 30


class Handler(BaseHTTPRequestHandler):
    """Counts requests, and keeps connections open."""

    protocol_version = "HTTP/1.1"
    handled = 0
    port = 0

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        type(self).handled += 1
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's name
        """Log nothing."""


@pytest.fixture
def server() -> Iterator[type[Handler]]:
    """A store that counts its requests, on the port `server.port`."""

    class Store(Handler):
        """A class of its own, so that each test counts from zero."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Store) as http_server:
        Store.port = http_server.server_port
        thread = Thread(target=http_server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Store
        http_server.shutdown()
        thread.join()


@pytest.fixture
def proxy(server: type[Handler]) -> Iterator[StoreProxy]:
    with StoreProxy(target=server.port, seed=1) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: StoreProxy) -> Iterator[http.client.HTTPConnection]:
    """A client whose connection is open."""
    with closing(http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)) as client:
        client.auto_open = 0
        client.connect()
        assert put(client) == b"ok"
        yield client


def put(client: http.client.HTTPConnection) -> bytes:
    client.request("PUT", "/key", body=b"x" * 100)
    return client.getresponse().read()


def test_without_a_fault_one_connection_carries_many_requests(
    client: http.client.HTTPConnection, server: type[Handler]
) -> None:
    assert [put(client) for _ in range(3)] == [b"ok"] * 3
    assert server.handled == 4


def test_slow_delays_requests(client: http.client.HTTPConnection, proxy: StoreProxy) -> None:
    proxy.set(StoreFault.SLOW)
    started_at = time.monotonic()

    assert put(client) == b"ok"

    assert time.monotonic() - started_at >= LATENCY_SECONDS


def test_hung_passes_nothing_until_it_ends(
    client: http.client.HTTPConnection, proxy: StoreProxy, server: type[Handler]
) -> None:
    proxy.set(StoreFault.HUNG)
    with ThreadPoolExecutor() as pool:
        future = pool.submit(put, client)
        done, _ = wait([future], timeout=0.1)
        handled = server.handled
        proxy.set(None)

        assert not done
        assert handled == 1
        assert future.result() == b"ok"
    assert server.handled == 2


def test_hung_accepts_connections_and_responds_after_it_has_ended(proxy: StoreProxy) -> None:
    proxy.set(StoreFault.HUNG)
    with (
        closing(http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)) as client,
        ThreadPoolExecutor() as pool,
    ):
        future = pool.submit(put, client)
        done, _ = wait([future], timeout=0.1)
        proxy.set(None)

        assert not done
        assert future.result() == b"ok"


def test_reset_breaks_open_and_new_connections(
    client: http.client.HTTPConnection, proxy: StoreProxy, server: type[Handler]
) -> None:
    proxy.set(StoreFault.RESET)

    with pytest.raises(ConnectionError):
        put(client)
    with (
        closing(http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)) as other,
        pytest.raises(ConnectionError),
    ):
        put(other)
    assert server.handled == 1
    assert proxy.resets == 2


def test_responses_lost_lets_the_store_do_its_work(
    proxy: StoreProxy, server: type[Handler]
) -> None:
    proxy.set(StoreFault.RESPONSES_LOST)
    outcomes = []
    for _ in range(REQUESTS):
        with closing(http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)) as client:
            try:
                outcomes.append(put(client))
            except ConnectionError:
                outcomes.append(b"lost")

    assert set(outcomes) == {b"ok", b"lost"}
    assert server.handled == REQUESTS


def test_responses_lost_breaks_open_connections_but_passes_an_interim_response(
    client: http.client.HTTPConnection,
    proxy: StoreProxy,
    server: type[Handler],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store_proxy, "LOST_SHARE", 1.0)
    proxy.set(StoreFault.RESPONSES_LOST)
    head = b"PUT /key HTTP/1.1\r\nHost: s\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    open_socket = client.sock
    assert isinstance(open_socket, socket.socket)

    open_socket.sendall(head)
    interim = open_socket.recv(100)
    open_socket.sendall(b"abc")
    with pytest.raises(ConnectionError):
        open_socket.recv(100)

    assert interim == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert server.handled == 2


def test_refused_breaks_open_connections_and_accepts_no_new_one(
    client: http.client.HTTPConnection, proxy: StoreProxy
) -> None:
    proxy.set(StoreFault.REFUSED)

    with pytest.raises(ConnectionError):
        put(client)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", proxy.port))
    proxy.set(None)
    with closing(http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)) as other:
        assert put(other) == b"ok"


def test_a_store_that_is_down_breaks_the_connection(proxy: StoreProxy) -> None:
    proxy.target = 1  # nothing listens there
    with (
        closing(http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)) as client,
        pytest.raises(ConnectionError),
    ):
        put(client)
