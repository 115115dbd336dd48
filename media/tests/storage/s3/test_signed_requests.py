"""Signed GET and HEAD requests of the S3 store: connections, processes, TLS and responses."""

import os
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import trustme

from devstack.process.ports import LOOPBACK
from media.errors import StoreUnavailableError
from media.storage import ObjectHeaders
from media.storage.s3.connection import S3Clients, S3Connection
from media.storage.s3.store import S3Store
from media.tests.storage import fault_proxy
from media.tests.storage.fault_proxy import FaultProxy

PNG = ObjectHeaders(content_type="image/png")
BODY = bytes(range(256)) * 4096  # a mebibyte, more than one chunk
BUDGET = timedelta(seconds=1)
SLACK = 3  # seconds allowed for a busy machine


def read(store: S3Store, key: str) -> bytes:
    with store.open(key) as reader:
        return b"".join(reader)


@pytest.fixture
def key(s3_store: S3Store, prefix: str) -> str:
    s3_store.put(prefix + "file", BODY, headers=PNG)
    return prefix + "file"


@pytest.fixture
def clients(connection: S3Connection) -> Iterator[S3Clients]:
    clients = S3Clients(connection)
    yield clients
    clients.close()


@pytest.fixture
def store(connection: S3Connection, clients: S3Clients, stack: dict[str, str]) -> S3Store:
    return S3Store(connection, stack["R2_BUCKET_NAME"], clients=clients)


def connections_made(clients: S3Clients, connection: S3Connection) -> int:
    return clients.pool.get().connection_from_url(connection.endpoint_url).num_connections


def test_sequential_calls_share_a_connection(
    store: S3Store, clients: S3Clients, connection: S3Connection, key: str
) -> None:
    for _ in range(3):
        store.head(key)
        assert read(store, key) == BODY

    assert connections_made(clients, connection) == 1


def test_an_unread_body_closes_only_its_own_connection(
    store: S3Store, clients: S3Clients, connection: S3Connection, key: str
) -> None:
    with store.open(key) as reader:
        next(iter(reader))

    assert read(store, key) == BODY
    assert connections_made(clients, connection) == 2


def test_threads_read_their_own_bytes(store: S3Store, s3_store: S3Store, prefix: str) -> None:
    bodies = {f"{prefix}{number}": bytes([number]) * 300_000 for number in range(8)}
    for name, body in bodies.items():
        s3_store.put(name, body, headers=PNG)
    wrong_keys: list[str] = []

    def check(name: str) -> None:
        if any(read(store, name) != bodies[name] for _ in range(5)):
            wrong_keys.append(name)

    threads = [threading.Thread(target=check, args=(name,)) for name in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong_keys == []


@pytest.mark.covers("F39")
def test_a_forked_process_opens_its_own_connections(
    store: S3Store, clients: S3Clients, connection: S3Connection, key: str
) -> None:
    assert read(store, key) == BODY
    parent_clients = clients.pool.get()

    read_end, write_end = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            is_right = all(read(store, key) == BODY for _ in range(5))
            os.write(write_end, f"{is_right} {clients.pool.get() is parent_clients}".encode())
        finally:
            os._exit(0)
    os.close(write_end)
    parent_reads = all(read(store, key) == BODY for _ in range(5))
    child_reads = os.read(read_end, 20)
    os.close(read_end)
    os.waitpid(pid, 0)

    assert (parent_reads, child_reads) == (True, b"True False")
    assert connections_made(clients, connection) == 1


@pytest.mark.parametrize("name", ["ü é.png", "a+b&c=d?.png", "100%25.png", "~'(1)*!.png"])
def test_a_legacy_key_of_any_characters_is_read(s3_store: S3Store, prefix: str, name: str) -> None:
    head = s3_store.put(prefix + name, b"shoe", headers=PNG)

    assert s3_store.head(prefix + name) == head
    assert read(s3_store, prefix + name) == b"shoe"


@pytest.mark.covers("F14")
@pytest.mark.parametrize(("code", "attempts"), [(503, 3), (429, 3), (403, 1), (307, 1)])
def test_only_temporary_errors_are_retried(
    connection: S3Connection, proxy: FaultProxy, stack: dict[str, str], code: int, attempts: int
) -> None:
    store = S3Store(replace(connection, endpoint_url=proxy.url), stack["R2_BUCKET_NAME"])
    proxy.plan = lambda _method, _number: fault_proxy.status(code)

    with pytest.raises(StoreUnavailableError):
        store.open("media/a")

    assert proxy.request_counts["GET"] == attempts
    store.close()


def test_a_response_without_the_headers_of_a_store_is_an_error(
    connection: S3Connection, proxy: FaultProxy, stack: dict[str, str]
) -> None:
    store = S3Store(replace(connection, endpoint_url=proxy.url), stack["R2_BUCKET_NAME"])
    proxy.plan = lambda _method, _number: fault_proxy.document(b"<html>Please sign in</html>")

    with pytest.raises(StoreUnavailableError):
        store.head("media/a")
    with pytest.raises(StoreUnavailableError):
        store.open("media/a")

    store.close()


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls_server(stack: dict[str, str], authority: trustme.CA) -> Iterator[FaultProxy]:
    """The S3 server behind TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(LOOPBACK).configure_cert(context)
    proxy = FaultProxy(stack["S3_ENDPOINT_URL"])
    proxy._server.socket = context.wrap_socket(proxy._server.socket, server_side=True)
    proxy.url = proxy.url.replace("http:", "https:")
    with proxy:
        yield proxy


@pytest.fixture
def over_tls(
    connection: S3Connection, tls_server: FaultProxy, stack: dict[str, str]
) -> Iterator[S3Store]:
    tls_connection = replace(connection, endpoint_url=tls_server.url)
    store = S3Store(tls_connection, stack["R2_BUCKET_NAME"], budget=BUDGET)
    yield store
    store.close()


@pytest.fixture
def trusting_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, authority: trustme.CA) -> None:
    certificate_file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(certificate_file)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate_file))


def test_an_object_is_read_over_tls(trusting_store: None, over_tls: S3Store, key: str) -> None:
    head = over_tls.head(key)

    assert head.size == len(BODY)
    assert read(over_tls, key) == BODY


def test_a_server_with_an_untrusted_certificate_gets_no_request(
    over_tls: S3Store, tls_server: FaultProxy, key: str
) -> None:
    with pytest.raises(StoreUnavailableError):
        over_tls.open(key)

    assert tls_server.request_counts.total() == 0


@pytest.mark.covers("F15")
@pytest.mark.parametrize(
    "fault", [fault_proxy.hang, fault_proxy.trickle_head, fault_proxy.trickle_body]
)
def test_the_time_limit_holds_over_tls(
    trusting_store: None,
    over_tls: S3Store,
    tls_server: FaultProxy,
    key: str,
    fault: fault_proxy.Fault,
) -> None:
    tls_server.plan = lambda _method, _number: fault
    start = time.monotonic()

    with pytest.raises(StoreUnavailableError):
        read(over_tls, key)

    # The body of a mebibyte may take a second more.
    assert time.monotonic() - start < BUDGET.total_seconds() + 1 + SLACK
