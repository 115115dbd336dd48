"""The rows of the database as the checker reads them."""

from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

UNFINISHED: Final = {"OPEN", "QUEUED", "RUNNING"}  # such a job is stuck, but nothing of it is lost
Row = dict[str, Any]


class Rows:
    """Reads the rows of a query as dictionaries."""

    def __init__(self, database: "psycopg.Connection[Any]") -> None:
        self._database = database

    def __call__(self, sql: str) -> list[Row]:
        """Return the rows of a query."""
        with self._database.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(sql.encode()).fetchall()

    def by_id(self, sql: str) -> dict[str, Row]:
        """Return the rows of a query by their id."""
        return {row["id"]: row for row in self(sql)}
