"""The load: six members who send photos, tables and batches, export, delete and restore."""

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Event
from typing import Final

from chaos.client import RetriesExhaustedError, RetryingClient
from chaos.ledger import Ledger
from chaos.load import exports, imports, photo_batches, products
from chaos.load.member import Member
from chaos.load.photos import Photos
from devstack.product import Product

CLIENTS: Final = 6
# Each member begins at another operation, and then does all of them in turn.
OPERATIONS: Final[tuple[Callable[[Member, str], None], ...]] = (
    products.create_single,
    photo_batches.append,
    exports.export_products,
    products.create_gallery,
    products.delete,
    imports.import_table,
    products.create_and_change,
    photo_batches.replace,
    products.delete_and_restore,
    products.create_single,
)
UPLOADS_OF_ALL_OPERATIONS: Final = 21


class Load:
    """The clients at work; `is_done` is true once they have finished what they began."""

    def __init__(self, clients: list["Future[None]"], stopping: Event) -> None:
        self._clients = clients
        self._stopping = stopping

    def stop(self) -> None:
        """Let the clients start no further operation."""
        self._stopping.set()

    @property
    def is_done(self) -> bool:
        """Whether all clients have finished."""
        return not self.working

    @property
    def working(self) -> int:
        """How many clients have not finished."""
        return sum(not client.done() for client in self._clients)

    def require_no_crash(self) -> None:
        """Raise the error of a client that has failed by itself."""
        for client in self._clients:
            if client.done():
                client.result()


@contextmanager
def running(
    product: Product, ledger: Ledger, *, uploads: int, seconds: float, seed: int
) -> Iterator[Load]:
    """Run clients that together upload this many photos in this time, if they are not stopped."""
    stopping, stop_retrying = Event(), Event()
    photos = Photos()
    operations = max(1, round(uploads * len(OPERATIONS) / UPLOADS_OF_ALL_OPERATIONS / CLIENTS))
    with ThreadPoolExecutor(CLIENTS, thread_name_prefix="client") as pool:
        clients = []
        for number in range(CLIENTS):
            member = Member(
                RetryingClient(
                    product, ledger, seed=seed * CLIENTS + number, stop_retrying=stop_retrying
                ),
                ledger,
                photos,
                f"chaos {seed} client {number}",
                random.Random(seed * CLIENTS + number),  # noqa: S311  no secret
            )
            first = number * len(OPERATIONS) // CLIENTS
            numbers = range(first, first + operations)
            clients.append(pool.submit(_work, member, numbers, seconds / operations, stopping))
        try:
            yield Load(clients, stopping)
        finally:
            stopping.set()
            stop_retrying.set()


def _work(member: Member, numbers: range, interval: float, stopping: Event) -> None:
    """Do operations at equal intervals; after an outage without pauses, until in time again."""
    started_at = time.monotonic()
    with member.api:
        for count, number in enumerate(numbers):
            pause = started_at + count * interval - time.monotonic()
            if stopping.wait(max(pause, 0)):
                return
            with suppress(RetriesExhaustedError):  # the client has recorded the failure
                OPERATIONS[number % len(OPERATIONS)](member, f"{member.name} {number}")
