"""One running product for all tests that kill processes, so that fewer products run at once."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devstack.product import Product
from tests.flow.api_client import ApiClient


@pytest.fixture(scope="session")
def crash_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file in which a test names the process to kill and the crash point."""
    return tmp_path_factory.mktemp("crash") / "crash"


@pytest.fixture
def running_product(live_product: Callable[..., Product], crash_file: Path) -> Iterator[Product]:
    """A product whose processes may be killed; they are restarted after the test."""
    running_product = live_product(CRASH_FILE=str(crash_file), BULK_CHUNK_ROWS="7")
    yield running_product
    for file in crash_file.parent.iterdir():
        file.unlink()
    running_product.restart_dead()


@pytest.fixture
def api_client(running_product: Product) -> Iterator[ApiClient]:
    """A signed-in member."""
    with ApiClient.member(running_product) as api_client:
        yield api_client
