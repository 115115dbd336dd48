"""The databases of tests: a migrated one that the test workers copy, and how they are emptied.

Migrations take longer than a copy.
"""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from django.db import connection as default_connection
from psycopg import sql

from sartiq.settings.variable_types import database_settings

NAME = "migrated"
KEPT = {"django_migrations", "django_content_type", "auth_permission"}  # by `delete_all_rows`
LOCK = 1_936_880_756  # of one PostgreSQL, which only test workers of one run use


def migrated_database(database_url: str) -> str:
    """Return the name of the migrated database; the first worker creates it, others wait."""
    server = database_settings(database_url)
    with psycopg.connect(
        host=server["HOST"],
        port=server["PORT"] or None,
        user=server["USER"],
        password=server["PASSWORD"] or None,
        dbname="postgres",
        autocommit=True,
    ) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])  # until the connection closes
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME])
        if found.fetchone() is None:
            _create(connection, database_url)
    return NAME


def _create(connection: psycopg.Connection[Any], database_url: str) -> None:
    draft = f"{NAME}_draft"  # has another name until it is complete
    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(draft)))
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        check=True,
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "DATABASE_URL": _url(database_url, draft)},
    )
    renamed = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    connection.execute(renamed.format(sql.Identifier(draft), sql.Identifier(NAME)))


def _url(database_url: str, name: str) -> str:
    url = urlsplit(database_url)
    folder = url.path.rpartition("/")[0]  # of the socket
    return url._replace(path=f"{folder}/{name}").geturl()


def delete_all_rows() -> None:
    """Delete what tests have written, ten times faster than `flush`, which truncates all tables.

    It also keeps content types and permissions, which `flush` creates again.
    """
    with default_connection.cursor() as cursor:
        cursor.execute(_deletions())


@cache
def _deletions() -> str:
    names = default_connection.introspection.django_table_names(only_existing=True)
    identifiers = [sql.Identifier(name) for name in sorted(set(names) - KEPT)]
    deletions = [sql.SQL("DELETE FROM {};").format(identifier) for identifier in identifiers]
    # In a replica no foreign key is checked, so the order of the tables does not matter.
    replica = sql.SQL("SET LOCAL session_replication_role = replica;")
    block = sql.SQL("DO $$ BEGIN {} END $$").format(sql.SQL(" ").join([replica, *deletions]))
    return block.as_string()
