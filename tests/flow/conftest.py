"""One running product for all tests that kill processes, so that fewer products run at once."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devstack.product import Product
from tests.flow.studio import Studio


@pytest.fixture(scope="session")
def crash_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file in which a test names the process to kill and the crash point."""
    return tmp_path_factory.mktemp("crash") / "crash"


@pytest.fixture
def product(live_product: Callable[..., Product], crash_file: Path) -> Iterator[Product]:
    """A product whose processes may be killed; they are restarted after the test."""
    product = live_product(CRASH_FILE=str(crash_file), BULK_CHUNK_ROWS="7")
    yield product
    for file in crash_file.parent.iterdir():
        file.unlink()
    product.restart_dead()


@pytest.fixture
def studio(product: Product) -> Iterator[Studio]:
    """A signed-in member."""
    with Studio.member(product) as studio:
        yield studio
