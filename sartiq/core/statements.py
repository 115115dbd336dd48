"""Cached SQL statements for the rows that the busiest routes read and write.

Building a statement with the ORM for every request costs as much as running it (measured by
`make bench ARGS=presign`). Models, fields and conversions are still Django's.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeVar

from django.db import connections, models, router

Row = TypeVar("Row", bound=models.Model)


def select_by_id(model: type[Row], row_id: Any, *, without: tuple[str, ...] = ()) -> Row | None:
    """Return one row by its primary key, None when there is none.

    Fields named in `without` are deferred: read on first access.
    """
    using = router.db_for_read(model)
    names, statement = _selection(model, without)
    with connections[using].cursor() as cursor:
        cursor.execute(statement, [row_id])
        values = cursor.fetchone()
    return model.from_db(using, names, values) if values else None


def insert(row: models.Model) -> None:
    """Insert a new row whose primary key is set."""
    using = router.db_for_write(type(row))
    connection = connections[using]
    fields, statement = _insertion(type(row))
    values = [
        field.get_db_prep_save(field.pre_save(row, add=True), connection=connection)
        for field in fields
    ]
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
    _mark_saved(row, using)


def insert_all(rows: Sequence[Row]) -> None:
    """Insert new rows of one model, whose primary keys are set, with one statement.

    Every column is one parameter, an array: the statement is the same for any number of rows.
    """
    if not rows:
        return
    model = type(rows[0])
    using = router.db_for_write(model)
    connection = connections[using]
    fields, statement = _insertion_of_many(model, using)
    columns = [
        [
            field.get_db_prep_save(field.pre_save(row, add=True), connection=connection)
            for row in rows
        ]
        for field in fields
    ]
    with connection.cursor() as cursor:
        cursor.execute(statement, columns)
    for row in rows:
        _mark_saved(row, using)


def _mark_saved(row: models.Model, using: str) -> None:
    row._state.adding = False  # noqa: SLF001  what Model.save does
    row._state.db = using  # noqa: SLF001


@lru_cache(maxsize=8)
def _selection(model: type[models.Model], without: tuple[str, ...]) -> tuple[list[str], str]:
    concrete = model._meta.concrete_fields  # noqa: SLF001  Django's own API
    fields = [field for field in concrete if field.attname not in without]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    table = model._meta.db_table  # noqa: SLF001
    statement = f'SELECT {columns} FROM "{table}" WHERE id = %s'  # noqa: S608  column names only
    return [field.attname for field in fields], statement


@lru_cache(maxsize=8)
def _insertion(model: type[models.Model]) -> tuple[list[Any], str]:
    fields = list(model._meta.concrete_fields)  # noqa: SLF001  Django's own API
    columns = ", ".join(f'"{field.column}"' for field in fields)
    placeholders = ", ".join(["%s"] * len(fields))
    table = model._meta.db_table  # noqa: SLF001
    return fields, f'INSERT INTO "{table}" ({columns}) VALUES ({placeholders})'  # noqa: S608


@lru_cache(maxsize=8)
def _insertion_of_many(model: type[models.Model], using: str) -> tuple[list[Any], str]:
    fields = list(model._meta.concrete_fields)  # noqa: SLF001  Django's own API
    columns = ", ".join(f'"{field.column}"' for field in fields)
    arrays = ", ".join(f"%s::{_element_type(field, using)}[]" for field in fields)
    table = model._meta.db_table  # noqa: SLF001
    statement = f'INSERT INTO "{table}" ({columns}) SELECT * FROM unnest({arrays})'  # noqa: S608
    return fields, statement


def _element_type(field: Any, using: str) -> str:
    """Return the column's type without its length: a cast would cut texts that are too long."""
    return re.sub(r"\(\d+\)", "", field.db_type(connections[using]))
