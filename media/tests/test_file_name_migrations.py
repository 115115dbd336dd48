"""The migrations that add file names to media resources."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from accounts.models import User
from media.models import MediaResource
from media.tests.admin import rows
from media.tests.rules.test_keys import BASE_NAMES

pytestmark = pytest.mark.django_db


def fill(*, size: int) -> None:
    migration: Any = import_module("media.migrations.0015_fill_file_names")
    with connection.schema_editor() as editor:
        migration.fill(apps, editor, size=size)


def names() -> list[str]:
    """Return the names of all resources, oldest first."""
    return list(MediaResource.objects.order_by("pk").values_list("filename", flat=True))


def test_processes_of_an_earlier_release_can_still_insert_rows(user: User) -> None:
    rows.resource(user, filename="a.png")
    fields = MediaResource._meta.concrete_fields
    columns = ", ".join(str(field.column) for field in fields if field.name != "filename")

    with connection.cursor() as cursor:
        cursor.execute(
            "WITH old AS (DELETE FROM media_mediaresource RETURNING *)"
            f" INSERT INTO media_mediaresource ({columns}) SELECT {columns} FROM old"
        )

    assert names() == [""]


def test_existing_rows_get_the_name_of_their_oldest_upload(user: User) -> None:
    for number in range(5):
        resource = rows.resource(user)
        for name in ("oldest", "later"):
            rows.upload(user, resource=resource, filename=f"{name} {number}.png")
    rows.resource(user)
    rows.upload(user, filename="unused.png")

    fill(size=2)

    assert names() == [*(f"oldest {number}.png" for number in range(5)), ""]


def test_a_name_that_a_row_has_is_kept(user: User) -> None:
    rows.upload(user, resource=rows.resource(user, filename="first.png"), filename="second.png")

    fill(size=2)

    assert names() == ["first.png"]


def test_a_copy_without_uploads_gets_the_name_of_the_original(user: User) -> None:
    original_resource = rows.resource(user)
    rows.upload(user, resource=original_resource, filename="original.png")
    rows.resource(user, copied_from=original_resource)
    rows.upload(
        user, resource=rows.resource(user, copied_from=original_resource), filename="own.png"
    )

    fill(size=3)

    assert names() == ["original.png", "original.png", "own.png"]


def test_existing_rows_get_the_same_names_as_new_ones(user: User) -> None:
    for name, _ in BASE_NAMES:
        rows.upload(user, resource=rows.resource(user), filename=name)

    fill(size=1000)

    assert names() == [expected for _, expected in BASE_NAMES]
