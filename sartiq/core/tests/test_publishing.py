import time
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import transaction
from kombu import Connection
from kombu.pools import producers
from redis import Redis

from devstack.ports import free_port
from sartiq.core import publishing

TASK = "core.forget_idempotency_keys"
QUEUE = "celery"


@pytest.fixture(autouse=True)
def closed_circuit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "_quiet_until", 0.0)


@pytest.fixture
def broker(stack: dict[str, str]) -> Iterator[Redis]:
    with Connection(settings.BROKER_URL) as connection:
        client: Redis = connection.default_channel.client
        client.delete(QUEUE)
        yield client
        client.delete(QUEUE)


@pytest.fixture
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = Connection(f"redis://127.0.0.1:{free_port()}/0")
    monkeypatch.setattr(publishing, "_connection", lambda _pid: refused)


def test_a_task_reaches_the_queue(broker: Redis) -> None:
    assert publishing.send(TASK, resource_id="1")

    assert broker.llen(QUEUE) == 1


@pytest.mark.covers("F08")
def test_a_broker_that_refuses_fails_nothing(no_broker: None) -> None:
    assert publishing.send(TASK) is False


@pytest.mark.covers("F09")
def test_after_a_failure_the_broker_is_left_alone_for_a_while(no_broker: None) -> None:
    publishing.send(TASK)
    started = time.monotonic()

    sent = [publishing.send(TASK) for _ in range(1000)]

    assert not any(sent)
    assert time.monotonic() - started < 0.5


def test_after_the_pause_it_is_tried_again(broker: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "_quiet_until", time.monotonic() - 0.001)

    assert publishing.send(TASK)


def test_no_free_connection_fails_nothing(broker: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    busy = Connection(settings.BROKER_URL)
    monkeypatch.setattr(publishing, "_connection", lambda _pid: busy)
    pool = producers[busy]
    held = [pool.acquire() for _ in range(pool.limit)]

    assert publishing.send(TASK) is False

    for each in held:
        each.release()
    assert broker.llen(QUEUE) == 0


@pytest.mark.covers("F04")
@pytest.mark.django_db(transaction=True)
def test_a_task_is_sent_after_commit_and_never_for_a_rollback(broker: Redis) -> None:
    with transaction.atomic():
        publishing.send_after_commit(TASK)
        waiting = broker.llen(QUEUE)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        publishing.send_after_commit(TASK)
        raise ZeroDivisionError

    assert waiting == 0
    assert broker.llen(QUEUE) == 1
