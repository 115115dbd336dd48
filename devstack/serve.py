"""`make serve`: the product on this machine until it is told to stop."""

import json
import os
import sys
import time
from collections import deque
from collections.abc import Mapping
from typing import NoReturn

from devstack.processes import DevstackError
from devstack.product import Product
from devstack.stack import Stack
from devstack.stopping import StopAskedError, checkpoint, stop_on_signals

DEFAULT_PORT = 8000
WATCH_SECONDS = 0.2
MOST_RESTARTS = 10  # of all processes together, within
RESTART_SECONDS = 60.0


def local_product(given: Mapping[str, str]) -> Product:
    """Return the product of this checkout, with its data kept in `.devstack/`."""
    stack = Stack.persistent(given=given)
    try:
        return Product(
            stack,
            settings=given.get("DJANGO_SETTINGS_MODULE", "sartiq.settings.development"),
            port=int(given.get("PORT") or DEFAULT_PORT),
        )
    except BaseException:
        stack.stop()
        raise


def serve() -> int:
    """Run until a signal comes; print one READY line once everything answers."""
    stop_on_signals()
    try:
        with local_product(os.environ) as product:
            print("READY " + json.dumps(product.summary), flush=True)
            watch(product)
    except StopAskedError:
        return 0


def watch(product: Product) -> NoReturn:
    """Start again what ends, as an orchestrator would; return never.

    Raises when a process ends again and again, or when a signal comes.
    """
    ended: deque[float] = deque(maxlen=MOST_RESTARTS + 1)
    while True:
        checkpoint()
        for child in product.children:
            if not child.is_alive:
                print(f"{child.name} ended; it is started again", file=sys.stderr, flush=True)
                ended.append(time.monotonic())
                if len(ended) > MOST_RESTARTS and ended[-1] - ended[0] < RESTART_SECONDS:
                    raise DevstackError(child.report("ended again and again"))
                product.revive()
        time.sleep(WATCH_SECONDS)
