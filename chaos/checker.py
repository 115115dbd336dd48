"""The independent checker: were all promises kept? It uses SQL and bucket listings only.

It imports nothing from the product, so an error in the product's own queries cannot hide itself.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from chaos import promises
from chaos.bucket import Bucket, StoredObject
from chaos.ledger import ExpectedImport, ExpectedProduct, Ledger, Slot

READERS: Final = 8  # threads that hash objects
UNFINISHED: Final = {"QUEUED", "RUNNING"}
MARKER: Final = ".sartiq-environment"
LISTING_PRECISION: Final = timedelta(seconds=1)
Row = dict[str, Any]


class Problem(StrEnum):
    """What is wrong: an acknowledged thing is gone, is there twice, or something remains."""

    LOST = "lost"
    DOUBLED = "doubled"
    STUCK = "stuck"
    LEFT_OVER = "left over"
    REJECTED = "rejected"


@dataclass(frozen=True)
class Violation:
    """One promise that was not kept."""

    problem: Problem
    text: str


class Checker:
    """Compares rows, objects and what the clients were promised."""

    def __init__(
        self, database: "psycopg.Connection[Any]", *, public: Bucket, private: Bucket
    ) -> None:
        self._database = database
        self._public = public
        self._private = private

    def remaining(self) -> dict[str, int]:
        """Return the number of rows of each kind that still have work to do, without zeros."""
        counts = {what: len(self._rows(sql)) for what, sql in promises.STUCK.items()}
        return {what: count for what, count in counts.items() if count}

    def violations(self, ledger: Ledger) -> list[Violation]:
        """Return every promise that was not kept."""
        return [
            *self._by_query(Problem.STUCK, promises.STUCK),
            *self._by_query(Problem.LOST, promises.LOST),
            *self._by_query(Problem.DOUBLED, promises.DOUBLED),
            *self._by_query(Problem.LEFT_OVER, promises.LEFT_OVER),
            *self._products(ledger.products),
            *self._imports(ledger.imports),
            *self._resources_without_object(),
            *self._public_objects(),
            *self._private_objects(),
            *(Violation(Problem.REJECTED, text) for text in ledger.problems),
        ]

    def _rows(self, sql: str) -> list[Row]:
        with self._database.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(sql.encode()).fetchall()

    def _by_query(self, problem: Problem, queries: Mapping[str, str]) -> Iterator[Violation]:
        for what, sql in queries.items():
            for row in self._rows(sql):
                details = ", ".join(f"{name} {value}" for name, value in row.items())
                yield Violation(problem, f"{what}: {details}")

    def _products(self, expected: list[ExpectedProduct]) -> Iterator[Violation]:
        names = {row["id"]: row["name"] for row in self._rows(promises.PRODUCTS)}
        photos = self._photos()
        for product in expected:
            if names.get(product.id) != product.name:
                yield Violation(Problem.LOST, f"product {product.id} {product.name}")
            else:
                yield from _compare(product.name, product.photos, photos.get(product.id, []))

    def _photos(self) -> dict[str, list[tuple[Slot, str]]]:
        """Return the slots of every product with the SHA-256 of the photo in each."""
        photos: dict[str, list[tuple[Slot, str]]] = {}
        for row in self._rows(promises.ATTACHMENTS):
            slot = (row["slot"], row["position"])
            photos.setdefault(row["entity_id"], []).append((slot, row["content_hash"]))
        return photos

    def _imports(self, expected: list[ExpectedImport]) -> Iterator[Violation]:
        jobs = {row["id"]: row for row in self._rows(promises.IMPORTS)}
        products = {row["sku"]: row for row in self._rows(promises.PRODUCTS) if row["sku"]}
        photos = self._photos()
        for table in expected:
            job = jobs.get(table.id)
            if job is None:
                yield Violation(Problem.LOST, f"import {table.id} {table.filename}")
                continue
            yield from _compare_counts(table, job)
            for sku, name in table.names.items():
                row = products.get(sku)
                if row is None or row["name"] != name:
                    yield Violation(Problem.LOST, f"row {sku} of {table.filename}")
                else:
                    digest = table.photos.get(sku)
                    expected_photos: dict[Slot, str] = {}
                    if digest:
                        expected_photos["cover_image", None] = digest
                    yield from _compare(sku, expected_photos, photos.get(row["id"], []))

    def _resources_without_object(self) -> Iterator[Violation]:
        """Yield the READY resources whose object is missing or has other bytes."""
        objects = self._public.listing()
        ready = self._rows(promises.READY)
        stored = [row for row in ready if row["storage_key"] in objects]
        with ThreadPoolExecutor(READERS) as readers:
            digests = readers.map(self._public.sha256, [row["storage_key"] for row in stored])
            by_key = dict(zip([row["storage_key"] for row in stored], digests, strict=True))
        for row in ready:
            key = row["storage_key"]
            if key not in by_key:
                yield Violation(Problem.LOST, f"object {key} of a READY resource is missing")
            elif by_key[key] != row["content_hash"] or objects[key].size != row["file_size"]:
                yield Violation(Problem.LOST, f"object {key} has other bytes than its row")
            elif key != row["canonical_key"]:
                yield Violation(Problem.LOST, f"object {key} should be {row['canonical_key']}")
            if row["thumbnail_key"] and row["thumbnail_key"] not in objects:
                yield Violation(Problem.LOST, f"object {row['thumbnail_key']} is missing")

    def _public_objects(self) -> Iterator[Violation]:
        """Yield the objects of the public bucket that no row explains."""
        deletions = self._deletions("PUBLIC")
        uploads = {row["key"]: row for row in self._rows(promises.UPLOADS)}
        named = {row["key"] for row in self._rows(promises.RESOURCE_KEYS)}
        for key, stored in self._public.listing().items():
            is_allowed = key in deletions or key in named or key == MARKER
            if not is_allowed and not _may_remain(uploads.get(key), stored):
                yield Violation(Problem.LEFT_OVER, f"public object {key}")

    def _private_objects(self) -> Iterator[Violation]:
        """Yield the objects of the private bucket that no row explains."""
        deletions = self._deletions("PRIVATE")
        named = {row["key"] for row in self._rows(promises.PRIVATE_KEYS)}
        for key in self._private.listing():
            if key not in deletions and key not in named and key != MARKER:
                yield Violation(Problem.LEFT_OVER, f"private object {key}")

    def _deletions(self, bucket: str) -> set[str]:
        rows = self._rows(promises.DELETIONS)
        return {row["key"] for row in rows if row["bucket"] == bucket}


def _may_remain(upload: Row | None, stored: StoredObject) -> bool:
    """Return whether a temporary object is one that the hourly cleanup discards after a day.

    It is if its upload was not used yet, or its photo is still pending. A used one is deleted at
    once; only a PUT that arrives after that, because it was held up on its way, leaves another.
    """
    if upload is None:
        return False
    is_late: bool = stored.modified >= upload["updated_at"] - LISTING_PRECISION
    return is_late or upload["state"] in {"ISSUED", "CLAIMED"}


def _compare(
    owner: str, expected: dict[Slot, str], actual: list[tuple[Slot, str]]
) -> Iterator[Violation]:
    """Yield the photos of a product that are missing, and those that are too many."""
    wanted, found = Counter(expected.items()), Counter(actual)
    for (name, position), _ in (wanted - found).elements():
        place = name if position is None else f"{name}[{position}]"
        yield Violation(Problem.LOST, f"photo {place} of {owner} is not in its place")
    for (name, position), _ in (found - wanted).elements():
        place = name if position is None else f"{name}[{position}]"
        yield Violation(Problem.DOUBLED, f"photo {place} of {owner} is there in addition")


def _compare_counts(table: ExpectedImport, job: Row) -> Iterator[Violation]:
    """Yield a violation if the counts of an import that has ended differ from its table."""
    if job["status"] in UNFINISHED:  # it is stuck
        return
    expected = {
        "status": "COMPLETED_WITH_ERRORS" if table.refused_rows else "COMPLETED",
        "total_rows": len(table.names) + table.refused_rows,
        "created": len(table.names),
        "other": 0,
        "failed": table.refused_rows,
        "refused": table.refused_rows,
        "photos": len(table.photos),
    }
    actual = {name: job[name] for name in expected}
    if actual != expected:
        yield Violation(Problem.LOST, f"import {table.filename} has {actual} instead of {expected}")
