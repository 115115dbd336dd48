"""Time limits of storage operations.

Socket time-outs alone do not limit the total: a server that sends one byte per second never exceeds
them.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from threading import Thread
from typing import Final, TypeVar

from media.errors import StoreUnavailableError
from sartiq.core.limits import request_limits

OPERATION_BUDGET: Final = timedelta(seconds=20)

T = TypeVar("T")
_deadline: ContextVar[float | None] = ContextVar("storage_deadline", default=None)


@contextmanager
def time_limit(limit: timedelta) -> Iterator[None]:
    """Limit the total time of the storage operations in this block and thread."""
    outer = _deadline.get()
    own_deadline = time.monotonic() + limit.total_seconds()
    token = _deadline.set(own_deadline if outer is None else min(own_deadline, outer))
    try:
        yield
    finally:
        _deadline.reset(token)


def remaining(budget: timedelta) -> float:
    """Return the seconds one operation may take now.

    That is its budget, or less inside `time_limit` or near the deadline of the request.
    """
    seconds = budget.total_seconds()
    if (deadline := _deadline.get()) is not None:
        seconds = min(seconds, deadline - time.monotonic())
    if (request := request_limits.current()) is not None:
        seconds = min(seconds, request.remaining())
    return seconds


def within(budget: timedelta, call: Callable[[], T]) -> T:
    """Run `call` and return its result, or raise `StoreUnavailableError` when time is up.

    The call runs on a daemon thread (about 60 microseconds to start). A call that overruns is ended
    by its socket time-outs and delays neither the caller nor the end of the process.
    """
    seconds = remaining(budget)
    if seconds <= 0:
        raise StoreUnavailableError
    outcome: Future[T] = Future()
    Thread(target=_run, args=(outcome, call), daemon=True, name="storage").start()
    try:
        return outcome.result(timeout=seconds)
    except TimeoutError as error:
        raise StoreUnavailableError from error


def _run(outcome: Future[T], call: Callable[[], T]) -> None:
    try:
        outcome.set_result(call())
    except BaseException as error:  # noqa: BLE001  raised again in the caller's thread
        outcome.set_exception(error)
