from collections.abc import Iterator

import pytest

from media.storage.testing.memory import MemoryStore
from media.tests.doors import own_doors
from tests.api import world as worlds


@pytest.fixture
def world(db: None) -> Iterator[worlds.World]:
    with own_doors(MemoryStore(), MemoryStore()):
        yield worlds.build()
