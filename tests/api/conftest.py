from collections.abc import Iterator

import pytest

from media.storage.testing.memory import MemoryStore
from media.tests.stores import own_stores
from tests.api import world as worlds


@pytest.fixture
def world(db: None) -> Iterator[worlds.World]:
    with own_stores(MemoryStore(), MemoryStore()):
        yield worlds.build()
