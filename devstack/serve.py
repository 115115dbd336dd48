"""`make serve`: the product on this machine until it is told to stop."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from devstack import restarts
from devstack.process.stop_signals import StopAskedError, stop_on_signals
from devstack.product import Product
from devstack.services.stack import Stack

DEFAULT_PORT = 8000


@contextmanager
def local_product(given: Mapping[str, str]) -> Iterator[Product]:
    """Run the product of this checkout, with its data kept in `.devstack/`."""
    stack = Stack.persistent(given=given)
    try:
        product = Product(
            stack,
            settings=given.get("DJANGO_SETTINGS_MODULE", "sartiq.settings.development"),
            port=int(given.get("PORT") or DEFAULT_PORT),
        )
    except BaseException:
        stack.stop()
        raise
    try:
        restarts.start(product)
        yield product
    finally:
        product.stop()


def serve() -> int:
    """Run until a signal comes; print one READY line once everything answers."""
    stop_on_signals()
    try:
        with local_product(os.environ) as product:
            print("READY " + json.dumps(product.summary), flush=True)
            restarts.watch(product)
    except StopAskedError:
        return 0
