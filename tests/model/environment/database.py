"""The database as the state machine sees it: with SQL only, without Django's models."""

from collections.abc import Collection
from datetime import timedelta
from functools import cache
from typing import Any, Final

from django.db import connection

APPS: Final = ("media", "catalog", "exports", "bulkupload")
KEPT_TABLES: Final = {"media_environmentidentity", "exports_metadataadaptervisibility"}


def select(sql: str, *params: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params or None)
        return list(cursor.fetchall())


@cache
def tables() -> dict[str, tuple[str, ...]]:
    """Return the tables that a step can change, with their columns that hold a time."""
    rows = select(
        "SELECT c.table_name, coalesce(array_agg(c.column_name::text)"
        " FILTER (WHERE c.data_type = 'timestamp with time zone'), '{}')"
        " FROM information_schema.columns c JOIN information_schema.tables t"
        " USING (table_schema, table_name)"
        " WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'"
        " GROUP BY 1 ORDER BY 1"
    )
    return {
        name: tuple(columns)
        for name, columns in rows
        if name not in KEPT_TABLES
        and (name.partition("_")[0] in APPS or name == "core_idempotencykey")
    }


def clear() -> None:
    """Delete every row that a step can have written, except events."""
    statements = "; ".join(f"DELETE FROM {table}" for table in tables())
    with connection.cursor() as cursor:  # faster than TRUNCATE for a few rows
        cursor.execute(f"DO $$ BEGIN {statements}; END $$")


def shift(by: timedelta) -> None:
    """Make every row older, which to the product is the same as waiting."""
    interval = f"interval '{by.total_seconds()} seconds'"
    statements = [
        f"UPDATE {table} SET " + ", ".join(f"{name} = {name} - {interval}" for name in columns)
        for table, columns in tables().items()
        if columns
    ]
    with connection.cursor() as cursor:
        cursor.execute(f"DO $$ BEGIN {'; '.join(statements)}; END $$")


def fingerprint(names: Collection[str] | None = None) -> dict[str, tuple[int, str]]:
    """Return the number of rows and a hash of the content of each table."""
    table_names = tables() if names is None else names
    parts = [
        f"SELECT '{name}', count(*), coalesce(md5(string_agg(r::text, ',' ORDER BY r::text)), '')"
        f" FROM {name} r"
        for name in table_names
    ]
    return {name: (count, digest) for name, count, digest in select(" UNION ALL ".join(parts))}
