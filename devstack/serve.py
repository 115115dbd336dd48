"""`make serve`: the product on this machine until a signal stops it."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from devstack import restarts
from devstack.process.stop_signals import StopRequestedError, stop_on_signals
from devstack.product import Product
from devstack.services.stack import Stack

DEFAULT_PORT = 8000


@contextmanager
def local_product(environ: Mapping[str, str]) -> Iterator[Product]:
    """Run the product of this checkout, with its data in `.devstack/`."""
    stack = Stack.persistent(environ=environ)
    try:
        product = Product(
            stack,
            settings=environ.get("DJANGO_SETTINGS_MODULE", "sartiq.settings.development"),
            port=int(environ.get("PORT") or DEFAULT_PORT),
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
    """Run until a stop signal; print one READY line once everything is ready."""
    stop_on_signals()
    try:
        with local_product(os.environ) as product:
            print("READY " + json.dumps(product.ready_summary), flush=True)
            restarts.watch(product)
    except StopRequestedError:
        return 0
