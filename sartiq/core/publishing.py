"""Sending a task to the broker, which is only a hint: the waiting row is the work.

A broker that refuses or hangs never fails a request. After one failure the process stops trying
for a moment, so that a request creating fifty files waits for one time-out and not for fifty.
"""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial

import structlog
from django.conf import settings
from django.db import transaction
from kombu import Connection
from kombu.exceptions import LimitExceeded, OperationalError
from kombu.pools import producers
from redis.exceptions import RedisError

from sartiq.celery import app

log = structlog.get_logger(__name__)

PAUSE_AFTER_FAILURE = 5.0  # seconds

_quiet_until = 0.0


def send_after_commit(task: str, **kwargs: str) -> None:
    """Send `task` by name once the running transaction has committed (at once without one).

    A thread of this process sends it, so that nobody waits for the broker. A process that dies
    first has lost nothing: the waiting row is found again.
    """
    transaction.on_commit(partial(_hand_over, task, kwargs))


def send_later(task: str, seconds: float, /, **kwargs: str) -> bool:
    """Send `task` by name so that it runs after a while; return whether the broker took it."""
    return _sent(task, kwargs, seconds)


def send(task: str, **kwargs: str) -> bool:
    """Send `task` by name now; return whether the broker took it."""
    return _sent(task, kwargs, 0)


def _sent(task: str, kwargs: dict[str, str], seconds: float) -> bool:
    global _quiet_until  # noqa: PLW0603  one circuit per process is the whole feature
    if time.monotonic() < _quiet_until:
        return False
    try:
        _publish(task, kwargs, seconds)
    except (OperationalError, LimitExceeded, RedisError, OSError) as error:
        _quiet_until = time.monotonic() + PAUSE_AFTER_FAILURE
        log.warning("broker_unavailable", task=task, error=type(error).__name__)
        return False
    return True


def _hand_over(task: str, kwargs: dict[str, str]) -> None:
    _sender(os.getpid()).submit(send, task, **kwargs)


@lru_cache(maxsize=1)
def _sender(_pid: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="publishing")


def _publish(task: str, kwargs: dict[str, str], seconds: float) -> None:
    with producers[_connection(os.getpid())].acquire(block=True, timeout=1) as producer:
        app.send_task(
            task,
            kwargs=kwargs,
            producer=producer,
            countdown=seconds or None,
            retry=False,
            ignore_result=True,
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
