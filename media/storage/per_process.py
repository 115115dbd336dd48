"""Objects with sockets, one per process."""

import os
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Made = TypeVar("Made")


class PerProcess(Generic[Made]):
    """Creates an object on first use and after a fork, and shares it between threads."""

    def __init__(self, make: Callable[[], Made], close: Callable[[Made], object]) -> None:
        self._make = make
        self._close = close
        self._lock = threading.Lock()
        self._made: tuple[int, Made] | None = None

    def get(self) -> Made:
        """Return the object of this process, never the one of its parent."""
        value = self._made
        if value is not None and value[0] == os.getpid():
            return value[1]
        with self._lock:
            if self._made is None or self._made[0] != os.getpid():
                self._made = (os.getpid(), self._make())
            return self._made[1]

    def close(self) -> None:
        """Close the object of this process."""
        value, self._made = self._made, None
        if value is not None and value[0] == os.getpid():
            self._close(value[1])
