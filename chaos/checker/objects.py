"""The objects of both buckets, compared with the rows that name them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Final

from chaos.checker.bucket import Bucket, StoredObject
from chaos.checker.rows import Row, Rows
from chaos.checker.violations import Problem, Violation, lost

READERS: Final = 8  # threads that hash objects
MARKER: Final = ".sartiq-environment"
LISTING_PRECISION: Final = timedelta(seconds=1)
READY: Final = """
    SELECT
        storage_key, content_hash, file_size,
        'media/' || id || '/file.' || extension AS canonical_key,
        CASE WHEN has_thumbnail THEN 'media/' || id || '/thumb.webp' END AS thumbnail_key
    FROM media_mediaresource WHERE status = 'READY'
"""
# A copy may exist before its row is READY, and a thumbnail that its row does not know.
RESOURCE_KEYS: Final = """
    SELECT 'media/' || id || '/file.' || extension AS key FROM media_mediaresource
    WHERE status <> 'FAILED'
    UNION ALL
    SELECT 'media/' || id || '/thumb.webp' FROM media_mediaresource WHERE status <> 'FAILED'
    UNION ALL
    SELECT storage_key FROM media_mediaresource WHERE status = 'PENDING'
"""
UPLOADS: Final = "SELECT key, state, updated_at FROM media_upload"
DELETIONS: Final = "SELECT bucket, key FROM media_objectdeletion WHERE NOT dead"
# The files of an export have objects of their own only until the archive exists.
PRIVATE_KEYS: Final = """
    SELECT source_key AS key FROM bulkupload_bulkuploadjob
    UNION ALL
    SELECT rows_key FROM bulkupload_bulkuploadjob WHERE rows_key <> ''
    UNION ALL
    SELECT archive_key FROM exports_exportrun WHERE archive_key <> ''
    UNION ALL
    SELECT item.result_key FROM exports_exportitem AS item
    JOIN exports_exportrun AS run ON run.id = item.run_id
    WHERE run.status IN ('QUEUED', 'RUNNING') AND item.result_key <> ''
"""


def compare_objects(rows: Rows, *, public: Bucket, private: Bucket) -> Iterator[Violation]:
    """Yield the resources without their object, and the objects that no row explains."""
    yield from _resources_without_object(rows, public)
    yield from _public_objects(rows, public)
    yield from _private_objects(rows, private)


def _resources_without_object(rows: Rows, public: Bucket) -> Iterator[Violation]:
    """Yield the READY resources whose object is missing or has other bytes, deleted ones too."""
    objects = public.listing()
    ready = rows(READY)
    stored = [row["storage_key"] for row in ready if row["storage_key"] in objects]
    with ThreadPoolExecutor(READERS) as readers:
        by_key = dict(zip(stored, readers.map(public.sha256, stored), strict=True))
    for row in ready:
        key = row["storage_key"]
        if key not in by_key:
            yield lost(f"object {key} of a READY resource is missing")
        elif by_key[key] != row["content_hash"] or objects[key].size != row["file_size"]:
            yield lost(f"object {key} has other bytes than its row")
        elif key != row["canonical_key"]:
            yield lost(f"object {key} should be {row['canonical_key']}")
        if row["thumbnail_key"] and row["thumbnail_key"] not in objects:
            yield lost(f"object {row['thumbnail_key']} is missing")


def _public_objects(rows: Rows, public: Bucket) -> Iterator[Violation]:
    deletions = _deletions(rows, "PUBLIC")
    uploads = {row["key"]: row for row in rows(UPLOADS)}
    named = {row["key"] for row in rows(RESOURCE_KEYS)}
    for key, stored in public.listing().items():
        is_allowed = key in deletions or key in named or key == MARKER
        if not is_allowed and not _may_remain(uploads.get(key), stored):
            yield Violation(Problem.LEFT_OVER, f"public object {key}")


def _private_objects(rows: Rows, private: Bucket) -> Iterator[Violation]:
    deletions = _deletions(rows, "PRIVATE")
    named = {row["key"] for row in rows(PRIVATE_KEYS)}
    for key in private.listing():
        if key not in deletions and key not in named and key != MARKER:
            yield Violation(Problem.LEFT_OVER, f"private object {key}")


def _deletions(rows: Rows, bucket: str) -> set[str]:
    return {row["key"] for row in rows(DELETIONS) if row["bucket"] == bucket}


def _may_remain(upload: Row | None, stored: StoredObject) -> bool:
    """Return whether a temporary object is one that the hourly cleanup discards after a day.

    It is if its upload was not used yet, or its photo is still pending. A used one is deleted at
    once; only a PUT that arrives after that, because it was held up on its way, leaves another.
    """
    if upload is None:
        return False
    is_late: bool = stored.modified >= upload["updated_at"] - LISTING_PRECISION
    return is_late or upload["state"] in {"ISSUED", "CLAIMED"}
