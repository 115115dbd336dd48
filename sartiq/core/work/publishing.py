"""Sending a task to the broker, which is only a hint: the waiting row is the work.

A broker that refuses or hangs never fails a request. After one failure the process stops trying
for a moment, so that a request creating fifty files waits for one time-out and not for fifty.
"""

import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any, Final, TypeVar

import structlog
from django.conf import settings
from django.db import transaction
from kombu import Connection
from kombu.exceptions import LimitExceeded, OperationalError
from kombu.pools import producers
from redis.exceptions import RedisError

from sartiq.celery import app
from sartiq.core.work.queues import queue_of

log = structlog.get_logger(__name__)

PAUSE_AFTER_FAILURE = 5.0  # seconds
ENQUEUED_AT: Final = "enqueued_at"  # header: seconds since 1970

T = TypeVar("T")

_quiet_until = 0.0


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """What waits in a queue; `oldest` is when its next message was sent, None if unknown."""

    length: int
    oldest: datetime | None


def send_after_commit(task: str, **kwargs: str) -> None:
    """Send `task` by name once the running transaction has committed (at once without one).

    A thread of this process sends it, so no request waits for the broker. If the process dies
    first, nothing is lost: the waiting row is enqueued again.
    """
    transaction.on_commit(partial(_hand_over, send, task, kwargs))


def send_once_after_commit(task: str) -> None:
    """Send `task` as above, unless one waits in its queue: that one sees the commit as well."""
    transaction.on_commit(partial(_hand_over, send_once, task, {}))


def send_once(task: str) -> bool:
    """Send `task` unless something waits in its queue; return whether it was sent."""
    queue = backlog(task)
    return queue is not None and not queue.length and send(task)


def backlog(task: str) -> Backlog | None:
    """Return the length of the queue of `task`, None if the broker does not answer."""
    return _tried(task, partial(_backlog, queue_of(task)))


def broker_answers() -> bool:
    """Return whether the broker answers a ping."""
    return _tried("ping", _ping) is not None


def send_later(task: str, seconds: float, /, **kwargs: str) -> bool:
    """Send `task` by name so that it runs after a while; return whether the broker took it."""
    return _sent(task, kwargs, seconds)


def send(task: str, **kwargs: str) -> bool:
    """Send `task` by name now; return whether the broker took it."""
    return _sent(task, kwargs, 0)


def _sent(task: str, kwargs: dict[str, str], seconds: float) -> bool:
    return _tried(task, partial(_publish, task, kwargs, seconds)) is not None


def _tried(task: str, call: Callable[[], T]) -> T | None:
    """Return what a call of the broker returns; None if it fails or failed a moment ago."""
    global _quiet_until  # noqa: PLW0603  one circuit per process is the whole feature
    if time.monotonic() < _quiet_until:
        return None
    try:
        return call()
    except (OperationalError, LimitExceeded, RedisError, OSError) as error:
        _quiet_until = time.monotonic() + PAUSE_AFTER_FAILURE
        log.warning("broker_unavailable", task=task, error=type(error).__name__)
        return None


def _hand_over(sending: Callable[..., bool], task: str, kwargs: dict[str, str]) -> None:
    _sender(os.getpid()).submit(sending, task, **kwargs)


@lru_cache(maxsize=1)
def _sender(_pid: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="publishing")


def _publish(task: str, kwargs: dict[str, str], seconds: float) -> bool:
    with producers[_connection(os.getpid())].acquire(block=True, timeout=1) as producer:
        app.send_task(
            task,
            kwargs=kwargs,
            producer=producer,
            countdown=seconds or None,
            headers={ENQUEUED_AT: time.time()},
            retry=False,
            ignore_result=True,
        )
    return True


def _ping() -> bool:
    with producers[_connection(os.getpid())].acquire(block=True, timeout=1) as producer:
        channel: Any = producer.channel
        return bool(channel.client.ping())


def _backlog(queue: str) -> Backlog:
    with producers[_connection(os.getpid())].acquire(block=True, timeout=1) as producer:
        channel: Any = producer.channel
        length, message = channel.client.pipeline().llen(queue).lindex(queue, -1).execute()
    enqueued_at = json.loads(message)["headers"].get(ENQUEUED_AT) if message else None
    return Backlog(
        length=length,
        oldest=None if enqueued_at is None else datetime.fromtimestamp(enqueued_at, UTC),
    )


@lru_cache(maxsize=1)
def _connection(_pid: int) -> Connection:
    patience = settings.PUBLISH_TIMEOUT
    return app.connection_for_write(
        transport_options={
            "socket_timeout": patience,
            "socket_connect_timeout": patience,
            # kombu would try to connect for four seconds, whatever `retry=False` says.
            "max_retries": 0,
            "connect_retries_timeout": patience,
        }
    )
