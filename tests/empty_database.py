"""Emptying the test database after a test that commits."""

from functools import cache
from typing import Final

from django.db import connection

KEPT: Final = {"django_migrations", "django_content_type", "auth_permission"}  # as migrated


def delete_all_rows() -> None:
    """Delete what tests have written, ten times faster than `flush`, which truncates all tables.

    It also keeps content types and permissions, which `flush` creates again.
    """
    with connection.cursor() as cursor:
        cursor.execute(_statement())


@cache
def _statement() -> str:
    tables = set(connection.introspection.django_table_names(only_existing=True)) - KEPT
    deletions = "; ".join(f'DELETE FROM "{table}"' for table in sorted(tables))
    # In a replica no foreign key is checked, so the order of the tables does not matter.
    return f"DO $$ BEGIN SET LOCAL session_replication_role = replica; {deletions}; END $$"
