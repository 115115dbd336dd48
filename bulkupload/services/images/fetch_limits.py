"""Limits on concurrent fetches, shared by all workers.

A permit is an advisory lock of a database session: it needs no row and no cleanup, since PostgreSQL
releases it when a worker dies.

How many fetches run at once is `BULK_REMOTE_AT_ONCE` (sartiq/settings/environment.py).
"""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.conf import settings
from django.db import connection

MAX_FETCHES_PER_HOST: Final = 4  # at the same time
# The second key of the first advisory lock; the first key is a hash of the host, or 0.
HOST_LOCKS: Final = 61_000
FETCH_LOCKS: Final = 62_000


@contextmanager
def fetch_permit() -> Iterator[bool]:
    """Take a permit to fetch; yield whether one was free."""
    with _permit(0, first=FETCH_LOCKS, count=settings.BULK_REMOTE_AT_ONCE) as is_free:
        yield is_free


@contextmanager
def host_permit(host: str) -> Iterator[bool]:
    """Take a permit to fetch from a host; yield whether one was free."""
    host_hash = zlib.crc32(host.encode()) - 2**31
    with _permit(host_hash, first=HOST_LOCKS, count=MAX_FETCHES_PER_HOST) as is_free:
        yield is_free


@contextmanager
def _permit(key: int, *, first: int, count: int) -> Iterator[bool]:
    with connection.cursor() as cursor:
        for lock in range(first, first + count):
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [key, lock])
            if cursor.fetchone() == (True,):
                break
        else:
            yield False
            return
        try:
            yield True
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [key, lock])
