import pytest

from tests.api import world as worlds


@pytest.fixture
def world(db: None) -> worlds.World:
    return worlds.build()
