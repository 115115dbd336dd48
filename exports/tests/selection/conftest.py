from collections.abc import Iterator

import pytest

from accounts.models import User
from catalog.models import Product
from catalog.tests.conftest import Team, client, memory, team, user
from exports.services import conversion
from exports.tests.requesting import show
from media.models import MediaResource
from media.storage.testing.memory import MemoryStore
from media.tests.factories import photo, ready

__all__ = ["Team", "client", "memory", "team", "user"]


@pytest.fixture(scope="module", autouse=True)
def _no_converter_stays() -> Iterator[None]:
    yield
    conversion.stop()


@pytest.fixture
def pictures(memory: MemoryStore, user: User) -> list[MediaResource]:
    return [ready(memory, user, photo(number)) for number in range(1, 5)]


@pytest.fixture
def shoe(user: User, pictures: list[MediaResource]) -> Product:
    shoe = Product.objects.create(user=user, name="Oxford", sku="AW26", brand="Us", color="black")
    show(shoe, "images", pictures[2], pictures[3])
    show(shoe, "back_image", pictures[1])
    show(shoe, "cover_image", pictures[0])
    return shoe
