"""Pauses of the broker under load: within five seconds both worker processes take messages again.

Tasks that end during a pause cannot be acknowledged. The leases in the database show what the
worker does afterwards.
"""

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any, Final

import httpx
import psycopg

from benchmarks.files import unique_jpeg
from chaos.database import connect
from devstack.process.child import DevstackError
from devstack.process.pauses import paused
from devstack.product import Product
from tests.flow.api_client import ApiClient

PAUSE_SECONDS: Final = (8.0, 30.0)  # the shortest and the longest
CONSUMING_SECONDS: Final = 5.0
GIVE_UP_SECONDS: Final = 90.0
PROCESSES: Final = 2  # of the worker
CLIENTS: Final = 2
POLL_SECONDS: Final = 0.02

# Rows that a worker took since the end of the pause, by their lease or by the time they got ready;
# the first column counts those still being processed.
TAKEN_SQL = """
SELECT count(*) FILTER (WHERE lease_expires_at > now()), count(*)
FROM media_mediaresource
WHERE lease_expires_at > %(since)s + %(lease)s * interval '1 second' OR ready_at > %(since)s
"""
LEASE_SECONDS: Final = 30


def run(product: Product, *, pauses: int) -> bool:
    """Pause the broker `pauses` times and print a line for each; return whether all passed."""
    if not pauses:
        return True
    failed = 0
    with connect(product) as database, _load(product):
        _seconds_until_taken(database)  # waits until the worker has started
        for number in range(1, pauses + 1):
            seconds = random.uniform(*PAUSE_SECONDS)  # noqa: S311  no secret
            _pause_broker(product, seconds)
            first, both = _seconds_until_taken(database)
            passed = both <= CONSUMING_SECONDS
            failed += not passed
            print(
                f"pause {number} of {seconds:.1f} s: consuming after {first:.1f} s,"
                f" both processes after {both:.1f} s{'' if passed else '  FAILED'}",
                flush=True,
            )
    print(f"{pauses - failed} of {pauses} pauses passed", flush=True)
    return not failed


def _pause_broker(product: Product, seconds: float) -> None:
    if product.stack.valkey is None:
        raise DevstackError("the broker is not an embedded one")
    with paused(product.stack.valkey.child):
        time.sleep(seconds)


def _seconds_until_taken(database: "psycopg.Connection[Any]") -> tuple[float, float]:
    """Return the seconds until the worker took a row, and until all its processes had one."""
    started_at = time.monotonic()
    (since,) = database.execute("SELECT now()").fetchone() or (None,)
    first = GIVE_UP_SECONDS
    while (elapsed := time.monotonic() - started_at) < GIVE_UP_SECONDS:
        values = {"since": since, "lease": LEASE_SECONDS}
        running, rows = database.execute(TAKEN_SQL, values).fetchone() or (0, 0)
        if rows:
            first = min(first, elapsed)
        if running >= PROCESSES:
            return first, elapsed
        time.sleep(POLL_SECONDS)
    return first, GIVE_UP_SECONDS


@contextmanager
def _load(product: Product) -> Iterator[None]:
    """Create products with photos during the block."""
    done = Event()
    with ThreadPoolExecutor(CLIENTS) as clients:
        for number in range(CLIENTS):
            clients.submit(_create_until, done, product, f"chaos {number}")
        try:
            yield
        finally:
            done.set()


def _create_until(done: Event, product: Product, prefix: str) -> None:
    """Create products until `done` is set; their photos differ because of `prefix`."""
    with ApiClient.member(product) as api_client:
        number = 0
        while not done.wait(0.05):
            number += 1
            try:
                url = api_client.upload("load.jpg", unique_jpeg(f"{prefix} {number}"), "image/jpeg")
                api_client.create_product(name=f"{prefix} {number}", cover_image=url)
            except (httpx.TransportError, AssertionError):
                done.wait(1)  # try again later
