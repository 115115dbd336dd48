"""Places that all workers share, few at a time; a worker that dies holds none.

A place is a session's advisory lock: it needs no row, no clock and nobody who sweeps.
"""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.conf import settings
from django.db import connection

PER_HOST: Final = 4  # pictures fetched from one host at the same time
OF_HOSTS: Final = 61_000  # second half of the locks' names; the first one is the host
OF_ALL: Final = 62_000


@contextmanager
def fetch_permit() -> Iterator[bool]:
    """Take one of the places for fetching at all; yields whether there was one."""
    with _place(0, first=OF_ALL, count=settings.BULK_REMOTE_AT_ONCE) as is_free:
        yield is_free


@contextmanager
def host_permit(host: str) -> Iterator[bool]:
    """Take one of a host's places; yields whether there was one."""
    name = zlib.crc32(host.encode()) - 2**31
    with _place(name, first=OF_HOSTS, count=PER_HOST) as is_free:
        yield is_free


@contextmanager
def _place(name: int, *, first: int, count: int) -> Iterator[bool]:
    with connection.cursor() as cursor:
        for place in range(first, first + count):
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [name, place])
            if cursor.fetchone() == (True,):
                break
        else:
            yield False
            return
        try:
            yield True
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [name, place])
