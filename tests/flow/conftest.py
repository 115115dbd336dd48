"""One running product for all tests that kill processes, so that fewer products run at once."""

from collections.abc import Callable, Iterator

import pytest

from devstack.product import Product
from tests.flow.api_client import ApiClient
from tests.flow.crashes.crash_file import CrashFile


@pytest.fixture(scope="session")
def crash_file(tmp_path_factory: pytest.TempPathFactory) -> CrashFile:
    """The file in which a test names the process to kill and the crash point."""
    return CrashFile(tmp_path_factory.mktemp("crash") / "crash")


@pytest.fixture
def running_product(
    live_product: Callable[..., Product], crash_file: CrashFile
) -> Iterator[Product]:
    """A product whose processes may be killed; they are restarted after the test."""
    running_product = live_product(CRASH_FILE=str(crash_file.path), BULK_CHUNK_ROWS="7")
    yield running_product
    crash_file.reset()
    running_product.restart_dead()


@pytest.fixture
def api_client(running_product: Product) -> Iterator[ApiClient]:
    """A signed-in member."""
    with ApiClient.member(running_product) as api_client:
        yield api_client
