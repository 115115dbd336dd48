"""The worker recovers by itself after the broker has hung."""

import signal
from functools import partial

import pytest

from devstack.process.child import became_true
from devstack.product import Product
from tests.flow.api_client import ApiClient
from tests.flow.crashes.test_crashes import require_image, unique_photo

pytestmark = pytest.mark.flow

PAUSES = 3  # more than the number of worker processes


def failures(running_product: Product) -> int:
    """Return the number of messages that the worker could not acknowledge."""
    return running_product.worker.tail(10_000).count("Couldn't ack")


def more_failures(running_product: Product, before: int) -> bool:
    return failures(running_product) > before


@pytest.mark.covers("F09")
def test_a_hung_broker_does_not_block_the_worker_for_good(
    api_client: ApiClient, running_product: Product
) -> None:
    broker = running_product.stack.valkey
    assert broker is not None
    for number in range(PAUSES):
        bodies = [unique_photo(f"hung broker {number} {letter}") for letter in "abcd"]
        urls = [api_client.upload("hung.jpg", body, "image/jpeg") for body in bodies]
        products = [api_client.create_product(name="Hung", cover_image=url) for url in urls]
        failures_before = failures(running_product)
        broker.child.send(signal.SIGSTOP)
        api_client.create_product(name="Meanwhile")  # requests do not wait for the broker
        # There is a failure only if a task was running, so the result does not matter.
        became_true(partial(more_failures, running_product, failures_before), seconds=8)
        broker.child.send(signal.SIGCONT)
        for row, body, url in zip(products, bodies, urls, strict=True):
            require_image(api_client, row["id"], body, url)
