"""One product for every test that breaks something, so that only one is idle beside the others."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devstack.product import Product
from tests.flow.studio import Studio


@pytest.fixture(scope="session")
def armed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file in which a test says what shall die where."""
    return tmp_path_factory.mktemp("crash") / "armed"


@pytest.fixture
def product(live_product: Callable[..., Product], armed: Path) -> Iterator[Product]:
    """A product whose processes may be killed; the next test finds it running again."""
    product = live_product(CRASH_FILE=str(armed), BULK_CHUNK_ROWS="7")
    yield product
    for crashes in armed.parent.iterdir():
        crashes.unlink()
    product.restart_dead()


@pytest.fixture
def studio(product: Product) -> Iterator[Studio]:
    """A signed-in member."""
    with Studio.member(product) as studio:
        yield studio
