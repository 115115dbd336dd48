"""Writing checked rows: COPY into a temporary table, then one merge that skips unchanged rows.

Rows are merged in the order of their SKUs, so jobs that bring the same products wait for each
other and never in a ring. Rows that say nothing new are left out before they are merged: ON
CONFLICT would lock each product first, which writes it. Identifiers in the statements are names of
ours.
"""

import csv
import io
import os
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection, transaction

from bulkupload.models import BulkUploadJob, ErrorSeverity
from bulkupload.rules.rows.cleaning import BadRow, GoodRow, shown, stored_cells
from bulkupload.rules.rows.columns import ROW_FIELDS
from bulkupload.rules.rows.image_cells import Problem
from bulkupload.rules.rows.repeated_skus import REPEATED_SKU, RepeatedRow

TEXT_FIELDS = tuple(name for name in ROW_FIELDS if name != "sku")
ERROR_COLUMNS = (
    *("job_id", "row", "position", "line", "column", "value", "code", "message", "cells"),
    "severity",
)

REPEATED_POSITION = 10_000  # behind everything else that may be said of a row
COPIED_AT_ONCE = 500  # rows; their text stands beside the rows themselves
ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


@dataclass(kw_only=True)
class Counts:
    """What became of good rows."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0


def merge(
    job: BulkUploadJob,
    fields: list[str],
    rows: list[GoodRow],
    *,
    repeated: set[str],
    locks_all: bool = False,
) -> Counts:
    """Create and update products; a SKU that comes twice is written in the order of its rows.

    In a dry run everything is taken back; a SKU of an earlier chunk then counts as updated. With
    `locks_all` the unchanged products are locked as well until the transaction ends.
    """
    counts = Counts()
    first = {row.values[0]: row for row in rows}
    later: dict[str, GoodRow] = {}
    if len(first) < len(rows):
        first, later = _in_order(rows, counts)
    with transaction.atomic(savepoint=job.dry_run):
        statement = _statement(job, fields, locks_all=locks_all)
        written = _write(job, fields, first, repeated, statement)
        if later:
            _write(job, fields, later, repeated, statement)
        if job.dry_run:
            transaction.set_rollback(True)
    known = written.repeated if job.dry_run else 0
    counts.created += written.created - known
    counts.updated += written.updated + known
    counts.unchanged += len(first) - written.created - written.updated
    return counts


def _in_order(rows: list[GoodRow], counts: Counts) -> tuple[dict[str, GoodRow], dict[str, GoodRow]]:
    """Count the rows that repeat a SKU; return its first row and, if it differs, its last."""
    first: dict[str, GoodRow] = {}
    last: dict[str, GoodRow] = {}
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
    """How many products a merge created, how many of these an earlier chunk has, and changed."""

    created: int
    repeated: int
    updated: int


def _write(
    job: BulkUploadJob,
    fields: list[str],
    rows: dict[str, GoodRow],
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
        good = list(rows.values())
        with cursor.copy("COPY bulk_rows FROM STDIN") as copy:
            for at in range(0, len(good), COPIED_AT_ONCE):
                copy.write(_lines(good[at : at + COPIED_AT_ONCE], width=len(fields)))
        owner = {"user": job.user_id, "organization": job.organization_id}
        cursor.execute(statement, owner | {"repeated": list(repeated)})
        return Written(*cursor.fetchone())


def _lines(rows: Collection[GoodRow], *, width: int) -> str:
    """Return rows of `width` values in COPY's text format, each with an id in front.

    Escaped is only where there is something to escape: hardly a table has such a row.
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
    """Whether a text holds no more than its own tabs and line breaks, and nothing to escape."""
    if "\\" in text or "\r" in text:
        return False
    return text.count("\t") == tabs and text.count("\n") == breaks


def _escaped(cells: list[str]) -> str:
    return "\t".join([cell.translate(ESCAPES) for cell in cells]) + "\n"


def _statement(job: BulkUploadJob, fields: list[str], *, locks_all: bool) -> str:
    """Return the merge; fields the table does not bring stay, and are empty in new products."""
    brought = [name for name in TEXT_FIELDS if name in fields]
    absent = [name for name in TEXT_FIELDS if name not in fields]
    names = ", ".join(f'"{name}"' for name in ("sku", *brought, *absent))
    values = ", ".join([f'n."{name}"' for name in ("sku", *brought)] + ["''"] * len(absent))
    old, new, sent = (
        ", ".join(f'{table}."{name}"' for name in brought) for table in ("p", "EXCLUDED", "n")
    )
    assigned = ", ".join(f'"{name}" = EXCLUDED."{name}"' for name in brought)
    target, mine = (
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
    # One look at the index for each row: a join may read every product there is instead.
    says_something = (
        f"WHERE (SELECT ({old}) IS NOT DISTINCT FROM ({sent}) "  # noqa: S608  every name is ours
        f"FROM catalog_product p WHERE {mine} AND p.sku = n.sku) IS NOT TRUE "
    )
    return (
        f"WITH written AS (INSERT INTO catalog_product AS p "  # noqa: S608  every name is ours
        f"(id, created_at, updated_at, user_id, organization_id, {names}) "
        f"SELECT n.id, now(), now(), %(user)s::uuid, %(organization)s::uuid, {values} "
        f"FROM bulk_rows n {'' if locks_all else says_something}ORDER BY n.sku "
        f"ON CONFLICT {target} DO UPDATE SET updated_at = now(), {assigned} "
        f"WHERE ({old}) IS DISTINCT FROM ({new}) "
        f"RETURNING p.sku, p.xmax = 0 AS created) "
        f"SELECT count(*) FILTER (WHERE created), "
        f"count(*) FILTER (WHERE created AND sku = ANY(%(repeated)s::text[])), "
        f"count(*) FILTER (WHERE NOT created) FROM written"
    )


def keep_errors(job: BulkUploadJob, rows: Iterable[BadRow]) -> None:
    """Store everything that is wrong with refused rows."""
    lines = [
        [
            *(job.pk, row.row, position, row.line, shown(fault.column), shown(fault.value)),
            *(fault.code, shown(fault.message), "" if position else stored_cells(row.cells)),
            ErrorSeverity.ERROR.value,
        ]
        for row in rows
        for position, fault in enumerate(row.faults)
    ]
    _copy_errors(lines)


def keep_warnings(job: BulkUploadJob, problems: Iterable[Problem]) -> None:
    """Store what is wrong with the pictures of rows that were imported."""
    lines = [
        [
            *(job.pk, each.row, each.position, each.line, shown(each.column), shown(each.url)),
            *(each.code, shown(each.message), each.cells, ErrorSeverity.WARNING.value),
        ]
        for each in problems
    ]
    _copy_errors(lines)


def keep_repeated(job: BulkUploadJob, column: str, repeated: Iterable[RepeatedRow]) -> None:
    """Store a warning for each row whose SKU an earlier row has as well."""
    lines = [
        [
            *(job.pk, each.row.row, REPEATED_POSITION, each.row.line, shown(column)),
            *(shown(each.row.values[0]), REPEATED_SKU, each.message, ""),
            ErrorSeverity.WARNING.value,
        ]
        for each in repeated
    ]
    _copy_errors(lines)


def _copy_errors(lines: list[list[Any]]) -> None:
    if lines:
        with connection.cursor() as cursor:
            _copy(cursor, "bulkupload_bulkuploadrowerror", ERROR_COLUMNS, lines)


def _copy(cursor: Any, table: str, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Send rows as one CSV text: the csv module and COPY agree on every character.

    The module quotes a line break only where it is part of its own line end, hence both.
    """
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    columns = ", ".join(f'"{name}"' for name in names)
    statement = f"COPY {table} ({columns}) FROM STDIN (FORMAT csv, FORCE_NOT_NULL ({columns}))"
    with cursor.copy(statement) as copy:
        copy.write(text.getvalue())


def _new_ids(count: int) -> list[str]:
    """Return ids in order (UUID version 7); one call for random bits pays for all of them."""
    bits = os.urandom(10 * count).hex()
    stamp = f"{time.time_ns() // 1_000_000:012x}7"
    return sorted(
        [
            stamp + bits[at : at + 3] + VARIANT[bits[at + 3]] + bits[at + 4 : at + 19]
            for at in range(0, 20 * count, 20)
        ]
    )
