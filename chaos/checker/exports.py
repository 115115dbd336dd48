"""The exports of the database and their archives, compared with what was asked for."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from chaos.checker.bucket import Bucket, StoredObject
from chaos.checker.rows import UNFINISHED, Row, Rows
from chaos.checker.violations import Violation, doubled, lost
from chaos.ledger import ExpectedExport

RUNS: Final = """
    SELECT id::text, status, total, archive_key, archive_size, archive_sha256, failure_code
    FROM exports_exportrun
"""
ITEMS: Final = """
    SELECT item.run_id::text, coalesce(resource.content_hash, 'deleted') AS photo
    FROM exports_exportitem AS item
    LEFT JOIN media_mediaresource AS resource ON resource.id = item.resource_id
    ORDER BY item.run_id, item.position
"""


def compare_exports(
    rows: Rows, private: Bucket, expected: Iterable[ExpectedExport]
) -> Iterator[Violation]:
    """Yield what differs from the promises in exports that have ended, and additional exports."""
    runs, objects = rows.by_id(RUNS), private.listing()
    items: dict[str, list[str]] = {}
    for row in rows(ITEMS):
        items.setdefault(row["run_id"], []).append(row["photo"])
    for export in expected:
        run = runs.pop(export.id, None)
        if run is None:
            yield lost(f"export {export.id}")
        elif run["status"] not in UNFINISHED:
            yield from _compare_items(export, run, items.get(export.id, []))
            yield from _compare_archive(run, private, objects)
    for export_id in runs:
        yield doubled(f"export {export_id} that no client knows")


def _compare_items(export: ExpectedExport, run: Row, photos: list[str]) -> Iterator[Violation]:
    if run["status"] != "COMPLETED":
        yield lost(f"export {export.id} is {run['status']} {run['failure_code']}")
    if run["total"] != len(export.photos):
        yield lost(f"export {export.id} has {run['total']} files, not {len(export.photos)}")
    wanted, found = Counter(export.photos), Counter(photos)
    for photo in (wanted - found).elements():
        yield lost(f"photo {photo} of export {export.id} is missing")
    for photo in (found - wanted).elements():
        yield doubled(f"photo {photo} of export {export.id} is there in addition")
    if wanted == found and photos != export.photos:
        yield lost(f"order of export {export.id}")


def _compare_archive(
    run: Row, private: Bucket, objects: Mapping[str, StoredObject]
) -> Iterator[Violation]:
    key = run["archive_key"]
    if key not in objects:
        yield lost(f"archive {key} of export {run['id']} is missing")
    elif (objects[key].size, private.sha256(key)) != (run["archive_size"], run["archive_sha256"]):
        yield lost(f"archive {key} has other bytes than its row")
