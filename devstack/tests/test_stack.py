import pytest
from django.db import connection


@pytest.mark.django_db
def test_the_database_of_a_test_is_the_embedded_one(stack: dict[str, str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW unix_socket_directories")
        (folder,) = cursor.fetchone()

    assert f"{folder}/" in stack["DATABASE_URL"]
