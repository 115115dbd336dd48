"""Statements near the deadline of their request, and a server that hangs (F11, F13)."""

import socket
import time
from collections.abc import Iterator
from threading import Event, Thread
from types import SimpleNamespace

import pytest
from django.db import connection, transaction
from django.db.utils import OperationalError

from accounts.models import User
from accounts.tests.factories import UserFactory
from sartiq.core.limits.breaker import Breaker
from sartiq.core.limits.request_limits import RequestLimits, limited
from sartiq.core.postgresql import connection as bounded
from sartiq.core.postgresql.connection import RequestTimeError


@pytest.fixture
def breaker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Breaker]:
    """Return a breaker whose server responds again at the end of the test."""
    test_ended = Event()
    replacement = Breaker("postgresql", probe=lambda: test_ended.wait(10), max_failures=1)
    monkeypatch.setattr(bounded, "breaker", replacement)
    yield replacement
    test_ended.set()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QUICK_SECONDS", "SILENT_SECONDS"):
        monkeypatch.setattr(bounded, name, 0.02)


def limits(seconds: float) -> RequestLimits:
    return RequestLimits(
        seconds, take_permit=lambda _limits: True, return_permit=lambda _limits: None
    )


def sleep(seconds: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [seconds])


@pytest.mark.covers("F13")
def test_a_statement_is_cancelled_at_the_deadline(transactional_db: None, breaker: Breaker) -> None:
    sleep(0)
    before = connection.connection

    start = time.monotonic()
    with limited(limits(0.1)), pytest.raises(OperationalError, match="canceling statement"):
        sleep(30)

    assert time.monotonic() - start < 15
    assert User.objects.count() == 0
    assert connection.connection is before  # still usable
    assert not breaker.is_open


@pytest.mark.usefixtures("impatient", "breaker")
def test_a_slow_statement_of_a_server_that_responds_ends(transactional_db: None) -> None:
    with limited(limits(30)):
        sleep(0.1)
        name = "x" * 3_000_000  # more than the socket takes at once
        with connection.cursor() as cursor:
            cursor.execute("SELECT length(%s), pg_sleep(0.1)", [name])
            assert cursor.fetchone()[0] == len(name)


def test_no_statement_starts_after_the_deadline(transactional_db: None) -> None:
    with limited(limits(-1)), pytest.raises(RequestTimeError), transaction.atomic():
        User.objects.count()


def test_what_was_written_in_time_is_committed_after_the_deadline(transactional_db: None) -> None:
    expired_limits = limits(30)

    with limited(expired_limits), transaction.atomic():
        user = UserFactory.create()
        expired_limits.ends = time.monotonic() - 1

    assert User.objects.get() == user


@pytest.mark.covers("F11")
@pytest.mark.usefixtures("impatient")
def test_a_server_that_hangs_costs_the_connection_and_opens_the_breaker(
    transactional_db: None, breaker: Breaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "responds", lambda _server: False)
    sleep(0)
    before = connection.connection

    with limited(limits(30)):
        with pytest.raises(OperationalError, match="does not respond"):
            sleep(30)
        connection.close_if_unusable_or_obsolete()
        with pytest.raises(OperationalError, match="does not respond"):
            sleep(0)  # without connecting

    assert breaker.is_open
    assert before.closed
    sleep(0)  # workers are not affected


@pytest.mark.parametrize("response", [b"", b"N"])
def test_a_server_is_probed_at_its_own_address(
    response: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "CHECK_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = SimpleNamespace(
            hostaddr=b"127.0.0.1", host=b"ignored", port=str(server.getsockname()[1]).encode()
        )
        if response:

            def respond_once() -> None:
                client, _ = server.accept()
                with client:
                    assert client.recv(8) == b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
                    client.sendall(response)

            Thread(target=respond_once, daemon=True).start()

        assert bounded.responds(address) is bool(response)  # type: ignore[arg-type]


@pytest.mark.django_db
def test_postgresql_responds_at_the_address_of_a_connection() -> None:
    connection.ensure_connection()

    assert bounded.responds(connection.connection.pgconn)


def test_a_server_that_is_down_does_not_hang() -> None:
    address = SimpleNamespace(hostaddr=b"", host=b"/nonexistent", port=b"5432")

    assert bounded.responds(address)  # type: ignore[arg-type]
