from collections.abc import Iterator
from typing import cast

import pytest
from pytest_django import Settings

from accounts.models import OwnerScope, User
from accounts.tests.factories import UserFactory
from media.storage import factory
from media.storage.testing.memory import MemoryStore
from media.tests.stores import WatchedStore, watched_stores


@pytest.fixture
def user(db: None) -> User:
    new_user: User = UserFactory.create()
    return new_user


@pytest.fixture
def scope(user: User) -> OwnerScope:
    return OwnerScope(user_id=user.pk)


@pytest.fixture
def private(public: MemoryStore) -> MemoryStore:
    """The private store in memory."""
    return cast("MemoryStore", cast("WatchedStore", factory.private_store()).store)


@pytest.fixture
def public(db: None) -> Iterator[MemoryStore]:
    """The public store in memory; a private one is installed too."""
    store = MemoryStore()
    with watched_stores(store, MemoryStore()):
        yield store


@pytest.fixture
def two_rows_per_chunk(settings: Settings) -> None:
    settings.BULK_CHUNK_ROWS = 2
