"""The imports of the database, compared with the tables that were accepted."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from chaos.checker.products import StoredProduct, compare_photos
from chaos.checker.rows import UNFINISHED, Row, Rows
from chaos.checker.violations import Violation, lost
from chaos.ledger import ExpectedImport, Slot

IMPORTS: Final = """
    SELECT
        job.id::text, job.status, job.total_rows,
        coalesce(sum(chunk.created), 0)::int AS created,
        coalesce(sum(chunk.updated + chunk.unchanged), 0)::int AS other,
        coalesce(sum(chunk.failed), 0)::int AS failed,
        (SELECT count(DISTINCT row) FROM bulkupload_bulkuploadrowerror AS error
         WHERE error.job_id = job.id AND error.severity = 'ERROR') AS refused,
        (SELECT coalesce(sum(batch.ready), 0) FROM bulkupload_bulkuploadmediabatch AS batch
         WHERE batch.job_id = job.id)::int AS photos
    FROM bulkupload_bulkuploadjob AS job
    LEFT JOIN bulkupload_bulkuploadchunk AS chunk ON chunk.job_id = job.id
    GROUP BY job.id
"""


def compare_imports(
    rows: Rows, expected: Iterable[ExpectedImport], stored: Mapping[str, StoredProduct]
) -> Iterator[Violation]:
    """Yield what differs from the accepted tables in imports that have ended."""
    jobs = rows.by_id(IMPORTS)
    live = {row.sku: row for row in stored.values() if row.sku and not row.is_deleted}
    for table in expected:
        job = jobs.get(table.id)
        if job is None:
            yield lost(f"import {table.id} {table.filename}")
        elif job["status"] not in UNFINISHED:
            yield from _compare_counts(table, job)
            yield from _compare_rows(table, live)


def _compare_counts(table: ExpectedImport, job: Row) -> Iterator[Violation]:
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
        yield lost(f"import {table.filename} has {actual} instead of {expected}")


def _compare_rows(table: ExpectedImport, live: Mapping[str, StoredProduct]) -> Iterator[Violation]:
    for sku, name in table.names.items():
        product = live.get(sku)
        if product is None or product.name != name:
            yield lost(f"row {sku} of {table.filename}")
            continue
        cover: Slot = ("cover_image", None)
        yield from compare_photos(
            product, {cover: table.photos[sku]} if sku in table.photos else {}
        )
