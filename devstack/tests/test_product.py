import os
import signal
from http import HTTPStatus

import httpx
import pytest

from devstack.process.child import wait_until
from devstack.product import Product
from devstack.pytest_plugin import Products

pytestmark = pytest.mark.flow


def times_ready(product: Product) -> int:
    """Count the starts of the worker in its log, which may contain those for earlier tests."""
    return (product.logs / "worker.log").read_text(errors="replace").count(" ready.")


def test_a_killed_worker_and_a_lost_broker_can_be_restarted(live_product: Products) -> None:
    product = live_product(STORAGE="local")
    product.worker.wait_until(lambda: times_ready(product) > 0)
    before, starts = product.worker.pid, times_ready(product)

    product.kill_worker()
    product.stop_broker(lose_data=True)
    product.start_broker()
    product.start_worker()

    assert product.worker.pid != before
    assert product.worker.is_alive
    product.worker.wait_until(lambda: times_ready(product) > starts)


def test_processes_stopped_by_a_test_are_restarted_for_the_next(live_product: Products) -> None:
    product = live_product(STORAGE="local")
    product.stop_database()
    os.kill(product.web.pid, signal.SIGKILL)
    wait_until(lambda: not product.web.is_alive, what="the exit of the web server", seconds=5)

    product_again = live_product(STORAGE="local")

    assert product_again is product
    assert httpx.get(f"{product_again.api}/health/live", timeout=30).status_code == HTTPStatus.OK
    assert all(child.is_alive for child in product_again.children)
