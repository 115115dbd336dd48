"""A bucket of this environment, whose clock is a day ahead of its objects, and a user."""

from collections.abc import Iterator

import pytest

from accounts.models import User
from media.tests.services.deletion import aged_rows
from media.tests.services.deletion.aged_rows import OLD, AheadMemoryStore, new_user


@pytest.fixture
def store() -> Iterator[AheadMemoryStore]:
    with aged_rows.in_memory() as memory_store:
        memory_store.ahead = OLD
        yield memory_store


@pytest.fixture
def user(db: None) -> User:
    return new_user()
