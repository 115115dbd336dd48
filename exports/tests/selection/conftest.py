from collections.abc import Iterator

import pytest

from accounts.models import User
from catalog.models import Product
from catalog.tests.conftest import Team, client, memory, team, user
from exports.services import conversion
from exports.tests.exporting import ready_images
from exports.tests.requesting import attach
from media.models import MediaResource
from media.storage.testing.memory import MemoryStore

__all__ = ["Team", "client", "memory", "team", "user"]


@pytest.fixture(scope="module", autouse=True)
def _stop_converter() -> Iterator[None]:
    yield
    conversion.stop()


@pytest.fixture
def images(memory: MemoryStore, user: User) -> list[MediaResource]:
    return ready_images(memory, user, 4)


@pytest.fixture
def shoe(user: User, images: list[MediaResource]) -> Product:
    shoe = Product.objects.create(user=user, name="Oxford", sku="AW26", brand="Us", color="black")
    attach(shoe, "images", images[2], images[3])
    attach(shoe, "back_image", images[1])
    attach(shoe, "cover_image", images[0])
    return shoe
