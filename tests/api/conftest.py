from collections.abc import Iterator

import pytest

from media.storage import factory
from media.storage.memory import MemoryStore
from tests.api import world as worlds


@pytest.fixture
def world(db: None) -> Iterator[worlds.World]:
    with factory.replaced(public=MemoryStore(), private=MemoryStore()):
        yield worlds.build()
