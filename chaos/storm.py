"""Kills of the worker and the broker under load: all work ends within a minute of the last kill.

The last time they are killed together, uploads and an import are waiting, and the new broker is
empty. The rows in the database show what work remains.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final

import httpx
import psycopg
import redis

from benchmarks.files import unique_jpeg
from chaos.database import connect
from devstack.product import Product
from sartiq.core.work.queues import QUEUES
from tests.flow.api_client import ApiClient

RECOVERY_SECONDS: Final = 60.0
GIVE_UP_SECONDS: Final = 400.0
CLIENTS: Final = 4
IMPORTED_ROWS: Final = 20_000
KILL_SECONDS: Final = 4.0  # from one kill to the next
POLL_SECONDS: Final = 0.5
REPORT_SECONDS: Final = 10.0

# Deletions that are due later do not count.
REMAINING_SQL = """
SELECT
    (SELECT count(*) FROM media_mediaresource WHERE status = 'PENDING') AS uploads,
    (SELECT count(*) FROM bulkupload_bulkuploadjob
     WHERE status IN ('QUEUED', 'RUNNING')) AS imports,
    (SELECT count(*) FROM media_objectdeletion
     WHERE NOT dead AND (run_after IS NULL OR run_after <= now())) AS deletions
"""


def run(product: Product, *, uploads: int) -> bool:
    """Kill processes during an import and `uploads` uploads; return whether all work ended."""
    with connect(product) as database, ThreadPoolExecutor(CLIENTS) as clients:
        _import(product)
        share = uploads // CLIENTS
        load = [clients.submit(_create, product, f"storm {n}", share) for n in range(CLIENTS)]
        kills = _kill_until_done(product, load)
        started_at = time.monotonic()
        remaining, max_messages = _wait(database, product, started_at)
        seconds = time.monotonic() - started_at
    passed = not any(remaining) and seconds <= RECOVERY_SECONDS
    print(
        f"{kills} kills during {uploads} photos and {IMPORTED_ROWS} rows: work ended after"
        f" {seconds:.1f} s, at most {max_messages} messages"
        f"{'' if passed else f'  FAILED, {remaining} remain'}",
        flush=True,
    )
    return passed


def _kill_until_done(product: Product, load: "list[Future[None]]") -> int:
    """Kill the worker, the broker with its data, and both, in turn; at the end both again."""

    def kill_worker() -> None:
        product.kill_worker()
        product.start_worker()

    def empty_broker() -> None:
        product.stop_broker(lose_data=True)
        product.start_broker()

    def both() -> None:
        product.kill_worker()
        empty_broker()
        product.start_worker()

    kinds: list[Callable[[], None]] = [kill_worker, empty_broker, both]
    number = 0
    while not all(client.done() for client in load):
        time.sleep(KILL_SECONDS)
        kinds[number % len(kinds)]()
        number += 1
    both()
    return number + 1


def _wait(
    database: "psycopg.Connection[Any]", product: Product, started_at: float
) -> tuple[tuple[int, ...], int]:
    """Wait until no work remains; return the remaining work and the maximum number of messages."""
    max_messages, reported = 0, started_at
    while True:
        remaining = database.execute(REMAINING_SQL).fetchone() or (0, 0, 0)
        max_messages = max(max_messages, _messages(product))
        now = time.monotonic()
        if not any(remaining) or now - started_at > GIVE_UP_SECONDS:
            return remaining, max_messages
        if now - reported > REPORT_SECONDS:
            reported = now
            uploads, imports, deletions = remaining
            print(f"  {uploads} photos, {imports} imports, {deletions} deletions left", flush=True)
        time.sleep(POLL_SECONDS)


def _messages(product: Product) -> int:
    if product.stack.valkey is None:
        return 0
    with redis.Redis(unix_socket_path=str(product.stack.valkey.socket)) as broker:
        return sum(int(broker.llen(queue.name)) for queue in QUEUES)


def _import(product: Product) -> None:
    rows = "".join(f"STORM-{n},Name {n}\n" for n in range(IMPORTED_ROWS))
    with ApiClient.member(product) as api_client:
        api_client.http.post(
            "/bulk-upload/",
            files={"file": ("storm.csv", f"sku,name\n{rows}".encode(), "text/csv")},
            data=api_client.owner_parameters,
        ).raise_for_status()


def _create(product: Product, prefix: str, count: int) -> None:
    """Create products with one photo each; the photos differ because of `prefix`."""
    with ApiClient.member(product) as api_client:
        for number in range(count):
            with suppress(httpx.TransportError, AssertionError):  # a busy server may reject one
                url = api_client.upload(
                    "storm.jpg", unique_jpeg(f"{prefix} {number}"), "image/jpeg"
                )
                api_client.create_product(name=f"{prefix} {number}", cover_image=url)
