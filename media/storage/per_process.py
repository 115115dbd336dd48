"""Objects with sockets, one per process."""

import os
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Resource = TypeVar("Resource")


class PerProcess(Generic[Resource]):
    """Creates an object on first use and after a fork, and shares it between threads."""

    def __init__(self, make: Callable[[], Resource], close: Callable[[Resource], object]) -> None:
        self._make = make
        self._close = close
        self._lock = threading.Lock()
        self._resource: tuple[int, Resource] | None = None

    def get(self) -> Resource:
        """Return the object of this process, never the one of its parent."""
        value = self._resource
        if value is not None and value[0] == os.getpid():
            return value[1]
        with self._lock:
            if self._resource is None or self._resource[0] != os.getpid():
                self._resource = (os.getpid(), self._make())
            return self._resource[1]

    def close(self) -> None:
        """Close the object of this process."""
        value, self._resource = self._resource, None
        if value is not None and value[0] == os.getpid():
            self._close(value[1])
