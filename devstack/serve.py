"""`make serve`: the product on this machine until it is told to stop."""

import json
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from devstack.processes import DevstackError
from devstack.product import Product
from devstack.stack import Stack

DEFAULT_PORT = 8000
WATCH_SECONDS = 0.5
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class StopAskedError(BaseException):
    """Raised where the launcher stands when a signal asks it to stop."""


@contextmanager
def stopping_on_signal() -> Iterator[None]:
    """Turn the first stop signal into `StopAskedError`; further ones cannot disturb the stop."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        raise StopAskedError

    for number in STOP_SIGNALS:
        signal.signal(number, stop)
    yield


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
    with stopping_on_signal():
        try:
            with local_product(os.environ) as product:
                print("READY " + json.dumps(product.summary), flush=True)
                watch(product)
        except StopAskedError:
            return 0


def watch(product: Product) -> NoReturn:
    """Return never: raise when a process ends by itself, or when a signal comes."""
    pause = threading.Event()
    while True:
        for child in product.children:
            if not child.is_alive:
                raise DevstackError(child.report("ended unexpectedly"))
        pause.wait(WATCH_SECONDS)
