"""What the clients were promised: everything that a successful response acknowledged."""

from collections import Counter
from dataclasses import dataclass, field
from threading import Lock

Slot = tuple[str, int | None]  # the name, and the position in a list


@dataclass(frozen=True)
class ExpectedProduct:
    """A product that was created, with the SHA-256 of the photo in each slot."""

    id: str
    name: str
    photos: dict[Slot, str]


@dataclass(frozen=True)
class ExpectedImport:
    """A table that was accepted: the name of each SKU, and the SHA-256 of its cover image."""

    id: str
    filename: str
    names: dict[str, str]
    photos: dict[str, str]
    refused_rows: int


@dataclass(frozen=True)
class ExpectedBatch:
    """A photo batch that was attached, with its products as they must be at its end.

    `attached` has the SHA-256 of each file that must be attached, `refused` the code of the others.
    """

    id: str
    name: str
    attached: dict[str, str]
    refused: dict[str, str]
    products: list[ExpectedProduct]


@dataclass(frozen=True)
class ExpectedExport:
    """An export that was accepted, with the SHA-256 of each photo in order."""

    id: str
    photos: list[str]


@dataclass
class Ledger:
    """The record that all clients write to; `outcomes` counts every response and broken request."""

    uploads: int = 0
    products: list[ExpectedProduct] = field(default_factory=list)
    imports: list[ExpectedImport] = field(default_factory=list)
    photo_batches: list[ExpectedBatch] = field(default_factory=list)
    exports: list[ExpectedExport] = field(default_factory=list)
    deleted: set[str] = field(default_factory=set)
    restored: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    longest_wait: float = 0.0
    _lock: Lock = field(default_factory=Lock)

    def add_upload(self) -> None:
        """Record that the store has acknowledged a photo."""
        with self._lock:
            self.uploads += 1

    def add_product(self, product: ExpectedProduct) -> None:
        """Record a product that was created."""
        with self._lock:
            self.products.append(product)

    def add_import(self, table: ExpectedImport) -> None:
        """Record a table that was accepted."""
        with self._lock:
            self.imports.append(table)

    def add_photo_batch(self, batch: ExpectedBatch) -> None:
        """Record a photo batch whose files were sent and that was attached."""
        with self._lock:
            self.photo_batches.append(batch)

    def add_export(self, export: ExpectedExport) -> None:
        """Record an export that was accepted."""
        with self._lock:
            self.exports.append(export)

    def add_deleted(self, product_id: str) -> None:
        """Record that a product was deleted."""
        with self._lock:
            self.deleted.add(product_id)

    def add_restored(self) -> None:
        """Count a product that was deleted and restored."""
        with self._lock:
            self.restored += 1

    def add_outcome(self, outcome: str) -> None:
        """Count a response, or how a request broke."""
        with self._lock:
            self.outcomes[outcome] += 1

    def add_wait(self, seconds: float) -> None:
        """Record how long a request took with all its repetitions."""
        with self._lock:
            self.longest_wait = max(self.longest_wait, seconds)

    def add_problem(self, problem: str) -> None:
        """Record a response that no client should get."""
        with self._lock:
            self.problems.append(problem)
