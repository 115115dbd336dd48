"""Unacknowledged messages of a channel with and without a connection."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from kombu import Connection
from kombu.exceptions import OperationalError

from sartiq.celery import app

pytestmark = [pytest.mark.covers("F08"), pytest.mark.usefixtures("stack")]


@pytest.fixture
def connection() -> Iterator[Connection]:
    with app.connection_for_write() as connection:
        yield connection


def channel_with_message(connection: Connection) -> tuple[Any, str]:
    """Return a channel with one message it has not acknowledged, and the queue's name."""
    queue = f"held-{uuid.uuid4()}"
    with connection.SimpleQueue(queue) as simple_queue:
        simple_queue.put("work")
    channel: Any = connection.channel()
    assert channel.basic_get(queue) is not None
    return channel, queue


def test_closing_returns_unacknowledged_messages(connection: Connection) -> None:
    channel, queue = channel_with_message(connection)

    channel.close()

    second_channel: Any = connection.channel()
    assert second_channel.basic_get(queue, no_ack=True) is not None


@pytest.mark.parametrize("dropped_part", ["client", "connection"])
def test_a_channel_whose_connection_was_dropped_raises_a_connection_error(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, dropped_part: str
) -> None:
    channel, queue = channel_with_message(connection)
    channel._disconnect_pools()  # what kombu itself does when the broker vanished

    with monkeypatch.context() as patch:
        patch.setattr(
            channel if dropped_part == "connection" else connection.transport, dropped_part, None
        )
        with pytest.raises(connection.connection_errors):
            channel.basic_ack(1)
        with pytest.raises(connection.connection_errors):
            channel.qos.restore_unacked()

    channel.close()
    second_channel: Any = connection.channel()
    assert second_channel.basic_get(queue, no_ack=True) is not None


@pytest.mark.parametrize(
    ("call", "options"),
    [("basic_ack", {}), ("basic_reject", {}), ("basic_reject", {"requeue": True})],
)
def test_a_message_that_cannot_be_acknowledged_no_longer_counts(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, call: str, options: dict[str, bool]
) -> None:
    channel, queue = channel_with_message(connection)
    channel.basic_qos(0, 1, apply_global=False)
    (tag,) = channel.qos._delivered
    assert not channel.qos.can_consume()

    with monkeypatch.context() as patch:
        patch.setattr(connection.transport, "client", None)
        channel._disconnect_pools()
        with pytest.raises(connection.connection_errors):
            getattr(channel, call)(tag, **options)

    assert channel.qos.can_consume()
    assert channel.client.hlen(channel.unacked_key)  # the broker delivers it again
    channel.client.delete(channel.unacked_key, channel.unacked_index_key, queue)


def test_a_worker_that_cannot_connect_tries_again_every_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("kombu.utils.functional.sleep", pauses.append)
    connection = app.connection_for_read("redis://127.0.0.1:1/0")

    with pytest.raises(OperationalError):
        connection.ensure_connection(max_retries=20)

    assert [pause for pause in pauses if pause] == [1] * 20
