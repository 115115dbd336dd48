"""`make serve`: the product on this machine until it is told to stop."""

import json
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from devstack.processes import DevstackError
from devstack.product import Product
from devstack.stack import Stack

DEFAULT_PORT = 8000
WATCH_SECONDS = 0.5
MOST_RESTARTS = 10  # of all processes together, within
RESTART_SECONDS = 60.0
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
    """Start again what ends, as an orchestrator would; return never.

    Raises when a process ends again and again, or when a signal comes.
    """
    pause = threading.Event()
    ended: deque[float] = deque(maxlen=MOST_RESTARTS + 1)
    while True:
        for child in product.children:
            if not child.is_alive:
                print(f"{child.name} ended; it is started again", file=sys.stderr, flush=True)
                ended.append(time.monotonic())
                if len(ended) > MOST_RESTARTS and ended[-1] - ended[0] < RESTART_SECONDS:
                    raise DevstackError(child.report("ended again and again"))
                product.revive()
        pause.wait(WATCH_SECONDS)
