"""The breaker and the permits that protect requests from a store that does not respond."""

import time
from collections.abc import Iterator
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from botocore.exceptions import ClientError
from urllib3.exceptions import ReadTimeoutError

from devstack.process.ports import free_port
from media.errors import StoreUnavailableError
from media.storage.s3 import store_breaker as module
from media.storage.s3.connection import S3Clients, S3Connection
from media.storage.s3.errors import S3ResponseError
from media.storage.s3.store import S3Store
from media.storage.s3.store_breaker import MAX_FAILURES, StoreBreaker
from media.tests.storage import fault_proxy
from media.tests.storage.fault_proxy import FaultProxy
from sartiq.core.limits.request_limits import RequestLimits, limited

pytestmark = pytest.mark.covers("F15")

TIMEOUT = ReadTimeoutError(None, "", "")  # type: ignore[arg-type]  # the pool is only for its text
UNREACHABLE = "http://127.0.0.1:1"


def client_error(status: int) -> ClientError:
    response: Any = {"ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "PutObject")


@pytest.fixture
def store_breaker() -> Iterator[StoreBreaker]:
    """Return a breaker whose store responds again at the end of the test."""
    test_ended = Event()
    yield StoreBreaker(lambda: test_ended.wait(10))
    test_ended.set()


def limits(*, seconds: float = 5, permits: bool = True) -> RequestLimits:
    return RequestLimits(
        seconds, take_permit=lambda _limits: permits, return_permit=lambda _limits: None
    )


def fail(store_breaker: StoreBreaker, error: Exception, *, times: int = MAX_FAILURES) -> None:
    for _ in range(times):
        with pytest.raises(type(error)), store_breaker.attempt():
            raise error


def connection(endpoint: str) -> S3Connection:
    return S3Connection(
        endpoint_url=endpoint,
        public_endpoint_url=endpoint,
        access_key_id="a",
        secret_access_key="b",
        region="auto",
    )


@pytest.mark.parametrize(
    "error",
    [
        TIMEOUT,
        ConnectionResetError(),
        StoreUnavailableError(),
        S3ResponseError(503, "SlowDown"),
        S3ResponseError(522, ""),
        client_error(500),
    ],
)
def test_outages_in_a_row_open_the_breaker(store_breaker: StoreBreaker, error: Exception) -> None:
    with limited(limits()):
        fail(store_breaker, error, times=MAX_FAILURES - 1)
        before = store_breaker.breaker.is_open
        fail(store_breaker, error, times=1)

    assert (before, store_breaker.breaker.is_open) == (False, True)


@pytest.mark.parametrize(
    "error",
    [
        S3ResponseError(401, ""),
        S3ResponseError(403, "AccessDenied"),
        S3ResponseError(404, "NoSuchKey"),
        S3ResponseError(408, ""),
        S3ResponseError(412, "PreconditionFailed"),
        S3ResponseError(429, "TooManyRequests"),
        client_error(403),
    ],
)
def test_refusals_show_that_the_store_responds(
    store_breaker: StoreBreaker, error: Exception
) -> None:
    with limited(limits()):
        fail(store_breaker, TIMEOUT, times=MAX_FAILURES - 1)
        fail(store_breaker, error, times=1)
        fail(store_breaker, TIMEOUT, times=MAX_FAILURES - 1)

    assert not store_breaker.breaker.is_open


def test_a_timeout_for_lack_of_time_is_not_counted(store_breaker: StoreBreaker) -> None:
    with limited(limits(seconds=0)):
        fail(store_breaker, TIMEOUT)

    assert not store_breaker.breaker.is_open


def test_workers_pass_an_open_breaker_and_are_not_counted(store_breaker: StoreBreaker) -> None:
    fail(store_breaker, TIMEOUT)
    was_closed = not store_breaker.breaker.is_open
    store_breaker.breaker.open()

    with store_breaker.attempt():
        passed = True

    assert (was_closed, passed) == (True, True)


def test_a_request_without_a_permit_does_not_wait_behind_a_slow_one(
    store_breaker: StoreBreaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered = []

    def take_permit() -> None:
        with limited(limits(permits=False)), store_breaker.attempt():
            entered.append(True)

    with limited(limits()), store_breaker.attempt():
        take_permit()  # the store responds quickly; there are only many requests
        monkeypatch.setattr(module, "MIN_WAIT", timedelta(0))
        with pytest.raises(StoreUnavailableError):
            take_permit()
    take_permit()

    assert entered == [True, True]
    assert not store_breaker.breaker.is_open


def test_an_open_breaker_fails_every_operation_at_once(store_breaker: StoreBreaker) -> None:
    clients = S3Clients(connection(UNREACHABLE))
    clients.store_breaker = store_breaker
    store = S3Store(connection(UNREACHABLE), "bucket", clients=clients)
    store_breaker.breaker.open()

    start = time.monotonic()
    with limited(limits()):
        for operation in (
            lambda: store.head("temp/a"),
            lambda: store.open("temp/a"),
            lambda: list(store.list("temp/")),
            store.clock,
        ):
            with pytest.raises(StoreUnavailableError):
                operation()

    assert time.monotonic() - start < 0.1
    clients.close()


@pytest.mark.parametrize(
    ("fault", "responds"),
    [
        (fault_proxy.status(200), True),
        (fault_proxy.status(403), True),
        (fault_proxy.status(503), False),
        (fault_proxy.reset, False),
    ],
)
def test_the_probe_accepts_every_response_of_a_working_store(
    fault: fault_proxy.Fault, *, responds: bool
) -> None:
    with FaultProxy(UNREACHABLE) as proxy:
        proxy.plan = lambda _method, _number: fault
        clients = S3Clients(connection(proxy.url))

        assert clients.store_breaker.breaker._probe() is responds
        clients.close()


def test_the_probe_notices_a_store_that_is_down() -> None:
    clients = S3Clients(connection(f"http://127.0.0.1:{free_port()}"))

    assert clients.store_breaker.breaker._probe() is False


def test_a_wait_for_the_store_ends_with_the_request() -> None:
    """A server that accepts and never responds, and a request of a tenth of a second."""
    with FaultProxy(UNREACHABLE) as proxy:
        proxy.plan = lambda _method, _number: fault_proxy.hang
        store = S3Store(connection(proxy.url), "bucket")
        start = time.monotonic()
        with limited(limits(seconds=0.1)), pytest.raises(StoreUnavailableError):
            store.head("temp/019c0000-0000-7000-8000-000000000000_1_a.png")

        assert time.monotonic() - start < module.MIN_WAIT.total_seconds()
        store.close()
