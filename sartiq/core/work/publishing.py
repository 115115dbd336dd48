"""Sending of task messages to the broker. They only wake workers: the waiting rows are the jobs.

A broker that is down or hangs neither fails nor delays a request. After a failure, the process does
not try again for a few seconds, so fifty messages wait for one time-out, not for fifty.

That time-out is `PUBLISH_TIMEOUT` (sartiq/settings/base.py).
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

_paused_until = 0.0


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """The messages in a queue; `oldest` is when the first of them was sent, None if unknown."""

    length: int
    oldest: datetime | None


def send_after_commit(task: str, **kwargs: str) -> None:
    """Send `task` by name once the running transaction has committed (at once without one).

    A thread of this process sends it, so no request waits for the broker. If the process dies
    first, nothing is lost: the waiting row is enqueued again.
    """
    transaction.on_commit(partial(_submit, send, task, kwargs))


def send_once_after_commit(task: str) -> None:
    """Send `task` as above unless its queue holds a message: that one will see the commit too."""
    transaction.on_commit(partial(_submit, send_once, task, {}))


def send_once(task: str) -> bool:
    """Send `task` unless its queue holds a message; return whether it was sent."""
    queue = backlog(task)
    return queue is not None and not queue.length and send(task)


def backlog(task: str) -> Backlog | None:
    """Return the length of the queue of `task`, None if the broker does not respond."""
    return _try(task, partial(_backlog, queue_of(task)))


def broker_responds() -> bool:
    """Return whether the broker responds to a ping."""
    return _try("ping", _ping) is not None


def send_later(task: str, seconds: float, /, **kwargs: str) -> bool:
    """Send `task` to run after `seconds`; return whether the broker accepted it."""
    return _send(task, kwargs, seconds)


def send(task: str, **kwargs: str) -> bool:
    """Send `task` now; return whether the broker accepted it."""
    return _send(task, kwargs, 0)


def _send(task: str, kwargs: dict[str, str], seconds: float) -> bool:
    return _try(task, partial(_publish, task, kwargs, seconds)) is not None


def _try(task: str, call: Callable[[], T]) -> T | None:
    """Return the result of a call to the broker; None if it fails, or one failed recently."""
    global _paused_until  # noqa: PLW0603  one circuit breaker per process
    if time.monotonic() < _paused_until:
        return None
    try:
        return call()
    except (OperationalError, LimitExceeded, RedisError, OSError) as error:
        _paused_until = time.monotonic() + PAUSE_AFTER_FAILURE
        log.warning("broker_unavailable", task=task, error=type(error).__name__)
        return None


def _submit(function: Callable[..., bool], task: str, kwargs: dict[str, str]) -> None:
    _sender(os.getpid()).submit(function, task, **kwargs)


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
    timeout = settings.PUBLISH_TIMEOUT
    return app.connection_for_write(
        transport_options={
            "socket_timeout": timeout,
            "socket_connect_timeout": timeout,
            # Without these, kombu tries to connect for four seconds despite `retry=False`.
            "max_retries": 0,
            "connect_retries_timeout": timeout,
        }
    )
