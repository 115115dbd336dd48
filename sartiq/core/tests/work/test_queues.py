"""The queues of tasks, and the check of a queue before more is sent."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from kombu import Connection

from sartiq.celery import app
from sartiq.core.work import publishing
from sartiq.core.work.queues import QUEUES, queue_of

OUR_PREFIXES = ("media.", "catalog.", "bulkupload.", "exports.", "core.")


@pytest.fixture
def broker(stack: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of the broker, with nothing in any queue."""
    monkeypatch.setattr(publishing, "_paused_until", 0.0)
    publishing._connection.cache_clear()
    with Connection(settings.BROKER_URL) as connection:
        channel: Any = connection.default_channel
        channel.client.delete(*(queue.name for queue in QUEUES))
        yield channel.client
        channel.client.delete(*(queue.name for queue in QUEUES))


def tasks() -> list[str]:
    app.loader.import_default_modules()
    return sorted(name for name in app.tasks if name.startswith(OUR_PREFIXES))


@pytest.mark.parametrize(
    ("task", "queue"),
    [
        ("media.relocate", "media"),
        ("media.delete_objects", "deletions"),
        ("bulkupload.import_chunk", "bulk"),
        ("exports.convert", "exports"),
        ("exports.assemble", "exports"),
        ("media.recover", "maintenance"),
        ("bulkupload.recover", "maintenance"),
        ("exports.recover", "maintenance"),
    ],
)
def test_each_kind_of_work_has_its_queue(broker: Any, task: str, queue: str) -> None:
    assert publishing.send(task)

    assert {known.name: broker.llen(known.name) for known in QUEUES} == {
        known.name: int(known.name == queue) for known in QUEUES
    }


def test_a_worker_takes_from_every_queue() -> None:
    assert {queue_of(task) for task in tasks()} == set(app.amqp.queues)


def test_a_message_from_beat_expires_when_the_next_is_sent() -> None:
    for entry in app.conf.beat_schedule.values():
        assert entry["task"] in tasks()
        assert timedelta(seconds=entry["options"]["expires"]) == entry["schedule"]


def test_the_backlog_has_the_number_of_messages_and_the_oldest_time(broker: Any) -> None:
    before = time.time()
    for _ in range(3):
        publishing.send("media.relocate", resource_id="1")

    queue = publishing.backlog("media.relocate")

    assert queue is not None
    assert queue.length == 3
    assert queue.oldest is not None
    assert before <= queue.oldest.timestamp() <= time.time()
    assert publishing.backlog("exports.convert") == publishing.Backlog(length=0, oldest=None)


def test_a_task_is_sent_once_while_its_queue_has_a_message(broker: Any) -> None:
    results = [publishing.send_once("media.delete_objects") for _ in range(5)]

    assert results == [True, False, False, False, False]
    broker.rpop("deletions")
    assert publishing.send_once("media.delete_objects")


def test_the_backlog_of_an_unreachable_broker_is_unknown(
    broker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.conf, "broker_write_url", "redis://127.0.0.1:1/0")
    publishing._connection.cache_clear()

    assert publishing.backlog("media.relocate") is None
    assert publishing.send_once("media.delete_objects") is False
    publishing._connection.cache_clear()
