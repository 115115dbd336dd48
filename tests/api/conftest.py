from collections.abc import Iterator
from copy import deepcopy

import pytest
from django.db import connection, transaction
from pytest_django import DjangoDbBlocker

from media.storage.testing.memory import MemoryStore
from media.tests.stores import stores_with_environment_markers
from tests.api import world as worlds


@pytest.fixture(scope="module")
def stored_world(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[worlds.World]:
    """Store the sample data once for the tests of a module; each test undoes its changes.

    The transaction stays open between the tests, so none of them may need its own transactions.
    """
    with django_db_blocker.unblock(), transaction.atomic():
        with connection.cursor() as cursor:  # much time may pass between two queries
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        yield worlds.build()
        transaction.set_rollback(True)


@pytest.fixture
def world(stored_world: worlds.World, db: None) -> Iterator[worlds.World]:
    with stores_with_environment_markers(MemoryStore(), MemoryStore()):
        yield deepcopy(stored_world)
