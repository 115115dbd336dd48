"""psql as a baseline, the fastest import possible: COPY of a table, then one merge statement."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tables import FIELDS
from bulkupload.rules.rows.columns import COLUMNS
from devstack.services.postgres import Postgres

# Only checks that cost almost nothing in SQL: presence and length, not characters or Excel damage.
_IS_VALID_SQL = " AND ".join(
    [f"trim({column.field}) <> ''" for column in COLUMNS if column.required]
    + [f"length({column.field}) <= {column.limit}" for column in COLUMNS if column.field in FIELDS]
)
# `xmax` is 0 in a row that was just inserted, and not in one that was updated.
_SCRIPT = """\
BEGIN;
CREATE TEMPORARY TABLE bench_rows ({columns}) ON COMMIT DROP;
\\copy bench_rows FROM '{path}' (FORMAT csv, HEADER, FORCE_NOT_NULL ({names}))
SELECT 'rows', count(*) FROM bench_rows;
WITH rejected AS (
    INSERT INTO bench_rejected SELECT {names} FROM bench_rows WHERE NOT ({is_valid}) RETURNING 1)
SELECT 'failed', count(*) FROM rejected;
WITH written AS (
    INSERT INTO catalog_product AS p
        (id, created_at, updated_at, user_id, organization_id, {names})
    SELECT uuidv7(), now(), now(), '{owner.user_id}', '{owner.organization_id}', {names}
        FROM bench_rows n WHERE {is_valid} ORDER BY n.sku
    ON CONFLICT (organization_id, sku) WHERE organization_id IS NOT NULL AND deleted_at IS NULL
        DO UPDATE SET updated_at = now(), {assigned}
        WHERE ({old}) IS DISTINCT FROM ({new})
    RETURNING p.xmax = 0 AS created)
SELECT CASE WHEN created THEN 'created' ELSE 'updated' END, count(*) FROM written GROUP BY 1;
COMMIT;
"""
_REJECTED_COLUMNS = ", ".join(f"{name} text" for name in FIELDS)
CREATE_REJECTED_SQL = f"CREATE TABLE IF NOT EXISTS bench_rejected ({_REJECTED_COLUMNS});"


@dataclass(frozen=True, kw_only=True)
class Owner:
    """The owner of the products."""

    user_id: str
    organization_id: str


def script(path: Path, owner: Owner) -> str:
    """Return the psql commands that import one table."""
    fields_without_sku = [name for name in FIELDS if name != "sku"]
    return _SCRIPT.format(
        path=path,
        owner=owner,
        is_valid=_IS_VALID_SQL,
        names=", ".join(FIELDS),
        columns=", ".join(f"{name} text NOT NULL" for name in FIELDS),
        assigned=", ".join(f"{name} = EXCLUDED.{name}" for name in fields_without_sku),
        old=", ".join(f"p.{name}" for name in fields_without_sku),
        new=", ".join(f"EXCLUDED.{name}" for name in fields_without_sku),
    )


def counts(postgres: Postgres, commands: str) -> dict[str, int]:
    """Run psql and return the printed counts."""
    pairs = (line.split("|") for line in run(postgres, commands).split())
    return {name: int(count) for name, count in pairs}


def run(postgres: Postgres, commands: str) -> str:
    """Run psql on the server's socket and return its output."""
    finished = subprocess.run(
        [*postgres.psql, "--no-psqlrc", "--quiet", "--tuples-only", "--no-align"],
        input=f"\\set ON_ERROR_STOP on\n{commands}",
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "PGOPTIONS": "-c client_min_messages=warning"},
    )
    return finished.stdout.strip()
