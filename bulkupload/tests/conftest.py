from collections.abc import Iterator

import pytest
from pytest_django import Settings

from accounts.models import OwnerScope, User
from accounts.tests.factories import UserFactory
from media.storage.memory import MemoryStore
from media.tests.doors import watched_doors


@pytest.fixture
def user(db: None) -> User:
    found: User = UserFactory.create()
    return found


@pytest.fixture
def scope(user: User) -> OwnerScope:
    return OwnerScope(user_id=user.pk)


@pytest.fixture
def private(db: None) -> Iterator[MemoryStore]:
    """Stores in memory behind the doors; this is the private one."""
    store = MemoryStore()
    with watched_doors(MemoryStore(), store):
        yield store


@pytest.fixture
def two_rows_a_chunk(settings: Settings) -> None:
    settings.BULK_CHUNK_ROWS = 2
