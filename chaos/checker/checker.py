"""The independent checker: were all promises kept? It uses SQL and bucket listings only.

It imports nothing from the product, so an error in the product's own queries cannot hide itself.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import psycopg

from chaos.checker import promises
from chaos.checker.bucket import Bucket
from chaos.checker.exports import compare_exports
from chaos.checker.imports import compare_imports
from chaos.checker.objects import compare_objects
from chaos.checker.photo_batches import compare_photo_batches
from chaos.checker.products import compare_products, stored_products
from chaos.checker.rows import Rows
from chaos.checker.violations import Problem, Violation
from chaos.ledger import Ledger


class Checker:
    """Compares rows, objects and what the clients were promised."""

    def __init__(
        self, database: "psycopg.Connection[Any]", *, public: Bucket, private: Bucket
    ) -> None:
        self._rows = Rows(database)
        self._public = public
        self._private = private

    def remaining(self) -> dict[str, int]:
        """Return the number of rows of each kind that still have work to do, without zeros."""
        counts = {what: len(self._rows(sql)) for what, sql in promises.STUCK.items()}
        return {what: count for what, count in counts.items() if count}

    def violations(self, ledger: Ledger) -> list[Violation]:
        """Return every promise that was not kept."""
        stored = stored_products(self._rows)
        return [
            *self._by_query(Problem.STUCK, promises.STUCK),
            *self._by_query(Problem.LOST, promises.LOST),
            *self._by_query(Problem.DOUBLED, promises.DOUBLED),
            *self._by_query(Problem.LEFT_OVER, promises.LEFT_OVER),
            *compare_products(ledger.products, stored, deleted=ledger.deleted),
            *compare_imports(self._rows, ledger.imports, stored),
            *compare_photo_batches(self._rows, ledger.photo_batches, stored),
            *compare_exports(self._rows, self._private, ledger.exports),
            *compare_objects(self._rows, public=self._public, private=self._private),
            *(Violation(Problem.REJECTED, text) for text in ledger.problems),
        ]

    def _by_query(self, problem: Problem, queries: Mapping[str, str]) -> Iterator[Violation]:
        for what, sql in queries.items():
            for row in self._rows(sql):
                details = ", ".join(f"{name} {value}" for name, value in row.items())
                yield Violation(problem, f"{what}: {details}")
