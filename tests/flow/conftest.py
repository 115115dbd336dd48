"""One running product for all tests that kill processes, so that fewer products run at once."""

from collections.abc import Iterator

import pytest

from devstack.product import Product
from devstack.pytest_plugin import Products
from tests.flow.api_client import ApiClient
from tests.flow.crashes.crash_file import CrashFile


@pytest.fixture(scope="session")
def crash_file(live_product: Products) -> CrashFile:
    """The file in which a test names the process to kill and the crash point."""
    return CrashFile(live_product.crash_file)


@pytest.fixture
def running_product(live_product: Products, crash_file: CrashFile) -> Iterator[Product]:
    """A product whose processes may be killed; they are restarted after the test."""
    running_product = live_product()
    yield running_product
    crash_file.reset()
    running_product.restart_dead()


@pytest.fixture
def api_client(running_product: Product) -> Iterator[ApiClient]:
    """A signed-in member."""
    with ApiClient.member(running_product) as api_client:
        yield api_client
