from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from django.db import connection, connections

from media.storage.testing.memory import MemoryStore, nothing

Result = TypeVar("Result")


def at_once(calls: Sequence[Callable[[], Result]]) -> list[Result]:
    """Make the calls at the same moment, each in its own thread and connection.

    They may wait for each other's locks as long as a busy machine takes.
    """
    start = Barrier(len(calls), timeout=60)

    def run(call: Callable[[], Result]) -> Result:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '60s'")
            start.wait()
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=len(calls)) as pool:
        return [future.result() for future in [pool.submit(run, call) for call in calls]]


def meanwhile(store: MemoryStore, operation: str, action: Callable[[], object]) -> None:
    """Call `action` once, right before the store's first call of this operation."""

    def hook(called: str, key: str) -> None:
        if called == operation:
            store.before = nothing
            try:
                action()
            finally:
                connections.close_all()  # checks run their queries in other threads

    store.before = hook


def deadlocks() -> int:
    """Return how many deadlocks the database has seen."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])
