"""Writing valid rows: COPY into a temporary table, then one merge that skips unchanged rows.

Rows are merged in the order of their SKUs, so that jobs with the same products cannot deadlock.
Unchanged rows are left out before the merge: ON CONFLICT would lock each product first, which
writes its row and the WAL. All identifiers in the statements are our own.
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
COPY_BATCH_SIZE = 500  # rows, whose text is held in memory with them
ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


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
    repeated: set[str],
    locks_all: bool = False,
) -> Counts:
    """Create and update products; rows with the same SKU are written in their order.

    A dry run is rolled back; an SKU of an earlier chunk then counts as updated. With `locks_all`
    the unchanged products are locked as well until the transaction ends.
    """
    counts = Counts()
    first = {row.values[0]: row for row in rows}
    later: dict[str, ValidRow] = {}
    if len(first) < len(rows):
        first, later = _in_order(rows, counts)
    with transaction.atomic(savepoint=job.dry_run):
        statement = _statement(job, fields, locks_all=locks_all)
        written = _write(job, fields, first, repeated, statement)
        if later:
            _write(job, fields, later, repeated, statement)
        if job.dry_run:
            transaction.set_rollback(True)
    in_earlier_chunk = written.repeated if job.dry_run else 0
    counts.created += written.created - in_earlier_chunk
    counts.updated += written.updated + in_earlier_chunk
    counts.unchanged += len(first) - written.created - written.updated
    return counts


def _in_order(
    rows: list[ValidRow], counts: Counts
) -> tuple[dict[str, ValidRow], dict[str, ValidRow]]:
    """Count the rows that repeat a SKU; return its first row and, if it differs, its last."""
    first: dict[str, ValidRow] = {}
    last: dict[str, ValidRow] = {}
    for row in rows:
        sku = row.values[0]
        before = last.get(sku)
        if before is None:
            first[sku] = row
        elif before.values == row.values:
            counts.unchanged += 1
        else:
            counts.updated += 1
        last[sku] = row
    return first, {sku: row for sku, row in last.items() if row.values != first[sku].values}


class Written(NamedTuple):
    """How many products a merge created, how many of these an earlier chunk has, and updated."""

    created: int
    repeated: int
    updated: int


def _write(
    job: BulkUploadJob,
    fields: list[str],
    rows: dict[str, ValidRow],
    repeated: set[str],
    statement: str,
) -> Written:
    """Merge rows of different SKUs."""
    if not rows:
        return Written(0, 0, 0)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.bulk_rows")
        columns = ", ".join(f'"{name}" text NOT NULL' for name in fields)
        cursor.execute(f"CREATE TEMPORARY TABLE bulk_rows (id uuid, {columns}) ON COMMIT DROP")
        values = list(rows.values())
        with cursor.copy("COPY bulk_rows FROM STDIN") as copy:
            for at in range(0, len(values), COPY_BATCH_SIZE):
                copy.write(_lines(values[at : at + COPY_BATCH_SIZE], width=len(fields)))
        owner = {"user": job.user_id, "organization": job.organization_id}
        cursor.execute(statement, owner | {"repeated": list(repeated)})
        return Written(*cursor.fetchone())


def _lines(rows: Collection[ValidRow], *, width: int) -> str:
    """Return rows of `width` values in COPY's text format, each after a new id.

    Rows are escaped only if they need it, which hardly any do.
    """
    ids = _new_ids(len(rows))
    lines = ["\t".join((each, *row.values)) for each, row in zip(ids, rows, strict=True)]
    lines.append("")  # the last line ends as well
    text = "\n".join(lines)
    if _is_plain(text, tabs=width * len(rows), breaks=len(rows)):
        return text
    return "".join(
        [
            f"{line}\n" if _is_plain(line, tabs=width, breaks=0) else _escaped([each, *row.values])
            for line, each, row in zip(lines, ids, rows, strict=False)
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
    """Return the merge statement; fields that are not in the table stay, or are empty when new."""
    present = [name for name in TEXT_FIELDS if name in fields]
    absent = [name for name in TEXT_FIELDS if name not in fields]
    names = ", ".join(f'"{name}"' for name in ("sku", *present, *absent))
    values = ", ".join([f'n."{name}"' for name in ("sku", *present)] + ["''"] * len(absent))
    stored, new, row = (
        ", ".join(f'{table}."{name}"' for name in present) for table in ("p", "EXCLUDED", "n")
    )
    assigned = ", ".join(f'"{name}" = EXCLUDED."{name}"' for name in present)
    target, own = (
        (
            "(organization_id, sku) WHERE organization_id IS NOT NULL",
            "p.organization_id = %(organization)s::uuid",
        )
        if job.organization_id
        else (
            "(user_id, sku) WHERE organization_id IS NULL",
            "p.user_id = %(user)s::uuid AND p.organization_id IS NULL",
        )
    )
    # One index look-up for each row: a join may read all products instead.
    is_new = (
        f"WHERE (SELECT ({stored}) IS NOT DISTINCT FROM ({row}) "  # noqa: S608  every name is ours
        f"FROM catalog_product p WHERE {own} AND p.sku = n.sku) IS NOT TRUE "
    )
    return (
        f"WITH written AS (INSERT INTO catalog_product AS p "  # noqa: S608  every name is ours
        f"(id, created_at, updated_at, user_id, organization_id, {names}) "
        f"SELECT n.id, now(), now(), %(user)s::uuid, %(organization)s::uuid, {values} "
        f"FROM bulk_rows n {'' if locks_all else is_new}ORDER BY n.sku "
        f"ON CONFLICT {target} DO UPDATE SET updated_at = now(), {assigned} "
        f"WHERE ({stored}) IS DISTINCT FROM ({new}) "
        f"RETURNING p.sku, p.xmax = 0 AS created) "
        f"SELECT count(*) FILTER (WHERE created), "
        f"count(*) FILTER (WHERE created AND sku = ANY(%(repeated)s::text[])), "
        f"count(*) FILTER (WHERE NOT created) FROM written"
    )


def _new_ids(count: int) -> list[str]:
    """Return ordered ids (UUID version 7) from one call for random bits."""
    bits = os.urandom(10 * count).hex()
    stamp = f"{time.time_ns() // 1_000_000:012x}7"
    return sorted(
        [
            stamp + bits[at : at + 3] + VARIANT[bits[at + 3]] + bits[at + 4 : at + 19]
            for at in range(0, 20 * count, 20)
        ]
    )
