"""The photo batches of the database, compared with those that were attached."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from chaos.checker.products import StoredProduct, compare_products
from chaos.checker.rows import UNFINISHED, Row, Rows
from chaos.checker.violations import Violation, doubled, lost
from chaos.ledger import ExpectedBatch

BATCHES: Final = "SELECT id::text, status FROM bulkupload_photobatch"
FILES: Final = """
    SELECT file.batch_id::text, file.path, file.status, file.failure_code, resource.content_hash
    FROM bulkupload_photofile AS file
    LEFT JOIN media_mediaresource AS resource ON resource.id = file.resource_id
"""
REFUSED: Final = {"FAILED", "CONFLICT"}


def compare_photo_batches(
    rows: Rows, expected: Iterable[ExpectedBatch], stored: Mapping[str, StoredProduct]
) -> Iterator[Violation]:
    """Yield what differs from the promises in batches that have ended, and in their products."""
    batches = rows.by_id(BATCHES)
    files: dict[str, list[Row]] = {}
    for row in rows(FILES):
        files.setdefault(row["batch_id"], []).append(row)
    for batch in expected:
        status = batches.get(batch.id, {}).get("status")
        if status in UNFINISHED:
            continue
        if status != "DONE":
            yield lost(f"photo batch {batch.id} {batch.name} is {status or 'gone'}")
        yield from _compare_files(batch, files.get(batch.id, []))
        yield from compare_products(batch.products, stored)


def _compare_files(batch: ExpectedBatch, rows: list[Row]) -> Iterator[Violation]:
    """Yield the files that were not attached or refused as they must be, and additional ones."""
    expected = {path: f"READY {digest}" for path, digest in batch.attached.items()}
    expected |= {path: f"refused, {code}" for path, code in batch.refused.items()}
    outcomes: dict[str, list[str]] = {path: [] for path in expected}
    for row in rows:
        outcomes.setdefault(row["path"], []).append(_outcome(row))
    for path, actual in outcomes.items():
        if path not in expected or len(actual) > 1:
            yield doubled(f"file {path} of photo batch {batch.name} is there in addition")
        elif actual != [expected[path]]:
            yield lost(f"file {path} of photo batch {batch.name} is {actual}, not {expected[path]}")


def _outcome(row: Row) -> str:
    if row["status"] in REFUSED:
        return f"refused, {row['failure_code']}"
    return f"{row['status']} {row['content_hash']}"
