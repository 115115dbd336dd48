"""Sending a task to the broker, which is only a hint: the waiting row is the work.

A broker that refuses or hangs never fails a request. After one failure the process stops trying
for a moment, so that a request creating fifty files waits for one time-out and not for fifty.
"""

import time
from collections.abc import Callable
from functools import partial

import structlog
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

PAUSE_AFTER_FAILURE = 5.0  # seconds

_quiet_until = 0.0


def send_after_commit(task: str, **kwargs: str) -> None:
    """Send `task` by name once the running transaction has committed (at once without one)."""
    transaction.on_commit(partial(send, task, **kwargs))


def send(task: str, **kwargs: str) -> bool:
    """Send `task` by name now; return whether the broker took it."""
    return _unless_quiet(
        partial(current_app.send_task, task, kwargs=kwargs, retry=False, ignore_result=True), task
    )


def _unless_quiet(publish: Callable[[], object], task: str) -> bool:
    global _quiet_until  # noqa: PLW0603  one circuit per process is the whole feature
    if time.monotonic() < _quiet_until:
        return False
    try:
        publish()
    except (OperationalError, RedisError, OSError) as error:
        _quiet_until = time.monotonic() + PAUSE_AFTER_FAILURE
        log.warning("broker_unavailable", task=task, error=type(error).__name__)
        return False
    return True
