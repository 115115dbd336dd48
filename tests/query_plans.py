"""Find the queries of product code that no index can serve, while the tests run.

Every statement is passed to EXPLAIN on copies of the growing tables, filled with random rows, with
sequential scans disabled. If PostgreSQL still plans a sequential scan, then no index helps, and
the statement gets slower with every row. The same is true if it reads a whole index that is not
partial. Each statement is explained once in a process.
"""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import psycopg
from django.apps import apps
from django.db import connection
from psycopg import sql as query

CHECKOUT = Path(__file__).parents[1]
EXPLAINABLE = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", re.IGNORECASE)
NOT_CHECKED = ("/tests/", "/admin/", "/migrations/", "/devstack/", "/benchmarks/", "/conftest.py")
DATABASE_BACKEND = "/sartiq/core/postgresql/"  # runs the queries of all functions
STAFF_PAGES = ("/django/contrib/admin/", "/unfold/", "/core/admin_base.py")
# Not accounts: there are few users and organizations, and only superusers list them all.
CHECKED_APPS = ("bulkupload", "catalog", "core", "exports", "media")
ROWS = 2000
RANDOM_VALUES = {
    "uuid": "gen_random_uuid()",
    "timestamptz": "now() - n * interval '1 minute'",
    "bool": "n % 2 = 0",
    "jsonb": "to_jsonb(n)",
    "inet": "'10.0.0.1'::inet + n",
}

ONE_ROW = {"media_environmentidentity"}

ACCEPTED = (  # may read a whole table
    # A superuser's list of everything, and its length.
    r'^SELECT COUNT\(\*\) AS "__count" FROM "(\w+)"( WHERE "\1"."deleted_at" IS NULL)?$',
    (
        r'^SELECT [^()]+ FROM "(\w+)"( WHERE "\1"."deleted_at" IS NULL)?'
        r' ORDER BY "\1"."created_at" ASC, "\1"."id" ASC LIMIT \d+'
    ),
    r'FROM "media_environmentidentity"',  # one row
    r'FROM "exports_metadataadaptervisibility"',  # one row for each adapter
    # The hourly cleanup reads its few candidates by an index. How PostgreSQL excludes those in use
    # depends on its statistics: with many of them, reading a whole index is cheaper.
    r'"media_attachment"\."id" IS NULL AND .*"unattached_at" < ',
    r'"deleted_at" < .* AND NOT \(EXISTS\(SELECT .* FROM "media_attachment" U0 WHERE ',
)


@dataclass
class PlanChecker:
    """Explains statements and collects those that read a whole growing table."""

    copies: "psycopg.Connection[Any]"
    findings: list[str] = field(default_factory=list)
    explained: set[str] = field(default_factory=set)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Explain each new statement of the block; fail at its end if one reads a whole table."""
        self.findings = []
        with connection.execute_wrapper(self._execute):
            yield
        assert not self.findings, "\n\n".join(self.findings)

    def _execute(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: Any, context: Any
    ) -> Any:
        text = str(sql)
        if not many and text not in self.explained and EXPLAINABLE.match(text):
            self._check(text, params)
        return execute(sql, params, many, context)

    def _check(self, sql: str, params: Any) -> None:
        caller = calling_function()
        if caller is None:
            return
        self.explained.add(sql)
        if any(re.search(pattern, sql) for pattern in ACCEPTED):
            return
        if scans := self.whole_scans(sql, params):
            self.findings.append(f"{caller} reads all of {', '.join(sorted(scans))}:\n  {sql}")

    def whole_scans(self, sql: str, params: Any = None) -> set[str]:
        """Return the growing tables that a statement reads from end to end."""
        try:
            row = self.copies.execute(f"EXPLAIN (FORMAT JSON) {sql}", params).fetchone()
        except psycopg.Error:  # the statement fails without EXPLAIN too
            return set()
        return set(_whole_scans(row[0][0]["Plan"], self.leading_columns)) if row else set()

    @cached_property
    def leading_columns(self) -> dict[str, tuple[str, bool]]:
        """The first column of each index of the copies, and whether it is partial."""
        rows = self.copies.execute(
            "SELECT c.relname, pg_get_indexdef(i.indexrelid, 1, true), i.indpred IS NOT NULL"
            " FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
            " WHERE c.relnamespace = pg_my_temp_schema()"
        ).fetchall()
        return {name: (column.strip('"'), is_partial) for name, column, is_partial in rows}


def calling_function() -> str | None:
    """Return the product function that runs the query, None for a test or a staff page."""
    frame = sys._getframe(1)
    while frame := frame.f_back:  # type: ignore[assignment]
        name = frame.f_code.co_filename
        if any(part in name for part in STAFF_PAGES):
            return None
        if not name.startswith(str(CHECKOUT)) or "site-packages" in name or name == __file__:
            continue
        if DATABASE_BACKEND in name:
            continue
        if any(part in name for part in NOT_CHECKED):
            return None
        path = Path(name).relative_to(CHECKOUT)
        return f"{path.as_posix()}:{frame.f_code.co_name}"
    return None


def _whole_scans(
    node: dict[str, Any], leading_columns: dict[str, tuple[str, bool]], *, limited: bool = False
) -> Iterator[str]:
    limited = limited or node["Node Type"] == "Limit"
    table = node.get("Relation Name", "a table")
    if node["Node Type"] == "Seq Scan" and table in _growing_tables():
        yield table
    elif node.get("Index Name") in leading_columns:
        column, is_partial = leading_columns[node["Index Name"]]
        is_condition = column in node.get("Index Cond", "")
        is_page = limited and "Filter" not in node
        if not (is_condition or is_partial or is_page):
            yield f"{table} by {node['Index Name']}"
    for child in node.get("Plans", []):
        yield from _whole_scans(child, leading_columns, limited=limited)


@lru_cache
def _growing_tables() -> tuple[str, ...]:
    models = [model for app in CHECKED_APPS for model in apps.get_app_config(app).get_models()]
    through = {
        relation.m2m_db_table() for model in models for relation in model._meta.local_many_to_many
    }
    tables = {model._meta.db_table for model in models} | through
    return tuple(sorted(tables - ONE_ROW))


def full_tables() -> "psycopg.Connection[Any]":
    """Return a connection whose temporary tables are filled copies of the growing tables."""
    copies = psycopg.connect(**connection.get_connection_params(), autocommit=True)
    try:
        for table in _growing_tables():
            _fill_copy(copies, table)
        copies.execute("SET enable_seqscan = off")
    except BaseException:
        copies.close()
        raise
    return copies


def _fill_copy(copies: "psycopg.Connection[Any]", table: str) -> None:
    columns = copies.execute(
        "SELECT attname, typname, atttypmod FROM pg_attribute JOIN pg_type t ON t.oid = atttypid"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        [f"public.{table}"],
    ).fetchall()
    values = [_random_value(kind, size) for _, kind, size in columns]
    name = query.Identifier(table)
    copies.execute(
        query.SQL("CREATE TEMPORARY TABLE {0} (LIKE public.{0} INCLUDING INDEXES)").format(name)
    )
    statement = (
        "INSERT INTO pg_temp.{} SELECT " + ", ".join(values) + " FROM generate_series(1, {}) n"
    )
    with suppress(psycopg.errors.UniqueViolation):  # a table for one row stays empty
        copies.execute(query.SQL(statement).format(name, query.Literal(ROWS)))
    copies.execute(query.SQL("ANALYZE pg_temp.{}").format(name))


def _random_value(kind: str, size: int) -> str:
    if kind in RANDOM_VALUES:
        return RANDOM_VALUES[kind]
    if kind in {"varchar", "text"}:
        return f"left(md5(random()::text), {size - 4 if size > 0 else 32})"
    return "n % 32000"
