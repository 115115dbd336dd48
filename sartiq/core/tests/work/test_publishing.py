import os
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from kombu import Connection
from kombu.pools import producers

from devstack.process.ports import free_port
from sartiq.celery import app
from sartiq.core.work import publishing

TASK = "core.discard_old_rows"
QUEUE = "maintenance"


@pytest.fixture(autouse=True)
def closed_circuit(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(publishing, "_paused_until", 0.0)
    publishing._connection.cache_clear()
    yield
    publishing._connection.cache_clear()


@pytest.fixture
def broker(stack: dict[str, str]) -> Iterator[Any]:
    """Yield a client of the broker with nothing in the queue."""
    with Connection(settings.BROKER_URL) as connection:
        channel: Any = connection.default_channel
        channel.client.delete(QUEUE)
        yield channel.client
        channel.client.delete(QUEUE)


@pytest.fixture
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.conf, "broker_write_url", f"redis://127.0.0.1:{free_port()}/0")


@pytest.fixture
def hanging_broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Accept connections and never respond."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setattr(app.conf, "broker_write_url", f"redis://127.0.0.1:{port}/0")
        yield


def test_a_task_reaches_the_queue(broker: Any) -> None:
    assert publishing.send(TASK, resource_id="1")

    assert broker.llen(QUEUE) == 1


@pytest.mark.covers("F08")
def test_a_broker_that_refuses_fails_nothing(no_broker: None) -> None:
    start = time.monotonic()

    assert publishing.send(TASK) is False
    assert time.monotonic() - start < 1


@pytest.mark.covers("F09")
def test_a_broker_that_hangs_costs_one_time_out(hanging_broker: None) -> None:
    start = time.monotonic()

    assert publishing.send(TASK) is False
    assert time.monotonic() - start < settings.PUBLISH_TIMEOUT + 1


@pytest.mark.covers("F09")
def test_after_a_failure_nothing_is_sent_for_a_few_seconds(no_broker: None) -> None:
    publishing.send(TASK)
    start = time.monotonic()

    results = [publishing.send(TASK) for _ in range(1000)]

    assert not any(results)
    assert time.monotonic() - start < 0.5


def test_after_the_pause_sending_is_tried_again(
    broker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "_paused_until", time.monotonic() - 0.001)

    assert publishing.send(TASK)


def test_a_missing_free_connection_fails_nothing(broker: Any) -> None:
    pool = producers[publishing._connection(os.getpid())]
    connections = [pool.acquire() for _ in range(pool.limit)]

    assert publishing.send(TASK) is False

    for connection in connections:
        connection.release()
    assert broker.llen(QUEUE) == 0


@pytest.mark.covers("F04")
@pytest.mark.django_db(transaction=True)
def test_a_task_is_sent_after_commit_and_never_for_a_rollback(broker: Any) -> None:
    with transaction.atomic():
        publishing.send_after_commit(TASK)
        waiting_count = broker.llen(QUEUE)
    with transaction.atomic():
        publishing.send_after_commit(TASK)
        transaction.set_rollback(True)
    publishing._sender(os.getpid()).submit(lambda: None).result()  # it sends one after the other

    assert waiting_count == 0
    assert broker.llen(QUEUE) == 1
