"""Writing valid rows: COPY into a temporary table, then one merge that skips unchanged rows.

Rows are merged in the order of their SKUs, so that jobs with the same products cannot deadlock.
Unchanged rows are left out before the merge: ON CONFLICT would lock each of their products, which
writes the row and the WAL. All names in the statements are constants of this code.
"""

import os
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from django.db import connection, transaction

from bulkupload.models import BulkUploadJob
from bulkupload.rules.rows.checked_rows import ValidRow
from bulkupload.rules.rows.columns import ROW_FIELDS

TEXT_FIELDS = tuple(name for name in ROW_FIELDS if name != "sku")
COPY_BATCH_SIZE = 500  # rows whose text is in memory at once
ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
# The variant of a UUID, the bits 10, replaces the first two of the four bits of a random digit.
UUID_VARIANT_DIGIT = {digit: "89ab"[int(digit, 16) & 0b0011] for digit in "0123456789abcdef"}


@dataclass(kw_only=True)
class Counts:
    """The outcomes of valid rows."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0


def merge(
    job: BulkUploadJob,
    fields: list[str],
    rows: list[ValidRow],
    *,
    earlier_skus: set[str],
    locks_all: bool = False,
) -> Counts:
    """Create and update products; rows with the same SKU are written in their order.

    `earlier_skus` are SKUs of these rows that are also in earlier chunks. In a dry run, in which
    the earlier chunks were rolled back, these rows count as updated. With `locks_all` unchanged
    products are locked too, until the transaction ends.
    """
    counts = Counts()
    by_sku = {row.sku: row for row in rows}
    last: dict[str, ValidRow] = {}
    if len(by_sku) < len(rows):  # a repeated SKU: its first row may create, its last one updates
        by_sku, last = _first_and_last(rows, counts)
    with transaction.atomic(savepoint=job.dry_run):
        statement = _statement(job, fields, locks_all=locks_all)
        merged = _merge_distinct(job, fields, by_sku, earlier_skus, statement)
        if last:  # `counts` has these rows already
            _merge_distinct(job, fields, last, earlier_skus, statement)
        if job.dry_run:
            transaction.set_rollback(True)
    # In a dry run, what was created in an earlier chunk counts as updated in this one.
    created_before = merged.created_before if job.dry_run else 0
    counts.created += merged.created - created_before
    counts.updated += merged.updated + created_before
    counts.unchanged += len(by_sku) - merged.created - merged.updated
    return counts


def _first_and_last(
    rows: list[ValidRow], counts: Counts
) -> tuple[dict[str, ValidRow], dict[str, ValidRow]]:
    """Return the first row of each SKU and, where it differs, the last; count all but the first."""
    first: dict[str, ValidRow] = {}
    last: dict[str, ValidRow] = {}
    for row in rows:
        previous = last.get(row.sku)
        if previous is None:
            first[row.sku] = row
        elif previous.values == row.values:
            counts.unchanged += 1
        else:
            counts.updated += 1
        last[row.sku] = row
    return first, {sku: row for sku, row in last.items() if row.values != first[sku].values}


class MergeResult(NamedTuple):
    """How many products a merge created and updated.

    `created_before` is how many of the created ones an earlier chunk has too: in a dry run that
    chunk was rolled back.
    """

    created: int
    created_before: int
    updated: int


def _merge_distinct(
    job: BulkUploadJob,
    fields: list[str],
    rows: dict[str, ValidRow],
    earlier_skus: set[str],
    statement: str,
) -> MergeResult:
    """Merge rows of different SKUs."""
    if not rows:
        return MergeResult(0, 0, 0)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.bulk_rows")
        columns = ", ".join(f'"{name}" text NOT NULL' for name in fields)
        cursor.execute(f"CREATE TEMPORARY TABLE bulk_rows (id uuid, {columns}) ON COMMIT DROP")
        values = list(rows.values())
        with cursor.copy("COPY bulk_rows FROM STDIN") as copy:
            for start in range(0, len(values), COPY_BATCH_SIZE):
                copy.write(_lines(values[start : start + COPY_BATCH_SIZE], width=len(fields)))
        owner = {"user": job.user_id, "organization": job.organization_id}
        cursor.execute(statement, owner | {"earlier_skus": list(earlier_skus)})
        return MergeResult(*cursor.fetchone())


def _lines(rows: Collection[ValidRow], *, width: int) -> str:
    """Return rows of `width` values in COPY's text format, each after a new id.

    Only the few rows that need it are escaped.
    """
    ids = _new_ids(len(rows))
    lines = ["\t".join((row_id, *row.values)) for row_id, row in zip(ids, rows, strict=True)]
    lines.append("")  # so that the last line has a line break too
    text = "\n".join(lines)
    if _is_plain(text, tabs=width * len(rows), breaks=len(rows)):
        return text
    return "".join(
        [
            f"{line}\n"
            if _is_plain(line, tabs=width, breaks=0)
            else _escaped([row_id, *row.values])
            for line, row_id, row in zip(lines, ids, rows, strict=False)
        ]
    )


def _is_plain(text: str, *, tabs: int, breaks: int) -> bool:
    """Whether a text has only the expected tabs and line breaks, and nothing to escape."""
    if "\\" in text or "\r" in text:
        return False
    return text.count("\t") == tabs and text.count("\n") == breaks


def _escaped(cells: list[str]) -> str:
    return "\t".join([cell.translate(ESCAPES) for cell in cells]) + "\n"


def _statement(job: BulkUploadJob, fields: list[str], *, locks_all: bool) -> str:
    """Return the merge statement; fields without a column are kept, or empty in new products."""
    present = [name for name in TEXT_FIELDS if name in fields]
    names, values = _insert_columns(present)
    assignments = ", ".join(f'"{name}" = EXCLUDED."{name}"' for name in present)
    # `xmax` is 0 in a row that was just inserted, and not in one that was updated.
    return (
        f"WITH written AS (INSERT INTO catalog_product AS p "  # noqa: S608  every name is ours
        f"(id, created_at, updated_at, user_id, organization_id, {names}) "
        f"SELECT n.id, now(), now(), %(user)s::uuid, %(organization)s::uuid, {values} "
        f"FROM bulk_rows n {'' if locks_all else _only_changed(job, present)}ORDER BY n.sku "
        f"ON CONFLICT {_conflict_target(job)} DO UPDATE SET updated_at = now(), {assignments} "
        f"WHERE ({_column_list('p', present)}) "
        f"IS DISTINCT FROM ({_column_list('EXCLUDED', present)}) "
        f"RETURNING p.sku, p.xmax = 0 AS created) "
        f"SELECT count(*) FILTER (WHERE created), "
        f"count(*) FILTER (WHERE created AND sku = ANY(%(earlier_skus)s::text[])), "
        f"count(*) FILTER (WHERE NOT created) FROM written"
    )


def _insert_columns(present: list[str]) -> tuple[str, str]:
    """Return the names and the values of the columns of an INSERT."""
    absent = [name for name in TEXT_FIELDS if name not in present]
    names = ", ".join(f'"{name}"' for name in ("sku", *present, *absent))
    values = ", ".join([_column_list("n", ["sku", *present]), *["''"] * len(absent)])
    return names, values


def _column_list(table: str, names: list[str]) -> str:
    return ", ".join(f'{table}."{name}"' for name in names)


def _conflict_target(job: BulkUploadJob) -> str:
    """Return the unique index of the SKUs of the owner's live products."""
    if job.organization_id:
        return "(organization_id, sku) WHERE organization_id IS NOT NULL AND deleted_at IS NULL"
    return "(user_id, sku) WHERE organization_id IS NULL AND deleted_at IS NULL"


def _only_changed(job: BulkUploadJob, present: list[str]) -> str:
    """Return the condition for rows that differ from their product, or have none.

    Costs one index look-up for each row: a join may read all products instead.
    """
    is_own = (
        "p.organization_id = %(organization)s::uuid"
        if job.organization_id
        else "p.user_id = %(user)s::uuid AND p.organization_id IS NULL"
    )
    stored, new = _column_list("p", present), _column_list("n", present)
    return (
        f"WHERE (SELECT ({stored}) IS NOT DISTINCT FROM ({new}) "  # noqa: S608  every name is ours
        f"FROM catalog_product p WHERE {is_own} AND p.deleted_at IS NULL AND p.sku = n.sku) "
        f"IS NOT TRUE "
    )


def _new_ids(count: int) -> list[str]:
    """Return ordered ids (UUID version 7) from one call for random bits."""
    bits = os.urandom(10 * count).hex()
    stamp = f"{time.time_ns() // 1_000_000:012x}7"
    return sorted(
        [
            stamp + bits[at : at + 3] + UUID_VARIANT_DIGIT[bits[at + 3]] + bits[at + 4 : at + 19]
            for at in range(0, 20 * count, 20)
        ]
    )
