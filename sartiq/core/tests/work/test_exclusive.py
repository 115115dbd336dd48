import psycopg
import pytest
from django.db import connection

from sartiq.core.work.exclusive import AlreadyRunningError, exclusive

pytestmark = pytest.mark.django_db


@pytest.mark.covers("F26", "F38")
def test_one_holder_at_a_time() -> None:
    with exclusive("a"), pytest.raises(AlreadyRunningError), exclusive("a"):
        pytest.fail("Two hold one lock.")


def test_other_names_are_other_locks() -> None:
    with exclusive("a"), exclusive("b"):
        pass


@pytest.mark.parametrize("error", [None, ValueError])
def test_the_lock_ends_with_the_block(error: type[Exception] | None) -> None:
    try:
        with exclusive("a"):
            if error:
                raise error
    except ValueError:
        pass

    with exclusive("a"):
        pass


def test_the_lock_of_a_killed_process_is_free() -> None:
    locks = "SELECT pid FROM pg_locks WHERE locktype = 'advisory'"
    with exclusive("a"):
        with psycopg.connect(
            **connection.get_connection_params(), autocommit=True
        ) as other_connection:
            row = other_connection.execute(locks).fetchone()
            assert row is not None
            other_connection.execute("SELECT pg_terminate_backend(%s, 1000)", [row[0]])

        with exclusive("a"):
            pass
