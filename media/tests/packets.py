"""Record network connections, and refuse them."""

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest


def refuse_packets(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return a list of every name looked up and every address connected to from now on.

    A call to a store that an earlier test abandoned may still run in its own thread; it is neither
    recorded nor refused.
    """
    calls: list[Any] = []
    earlier = {thread.ident for thread in threading.enumerate()} - {threading.get_ident()}

    def refuse_connections(call: Callable[..., Any]) -> Callable[..., Any]:
        def refuse(*args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() in earlier:
                return call(*args, **kwargs)
            calls.append(args)
            raise OSError

        return refuse

    monkeypatch.setattr(socket.socket, "connect", refuse_connections(socket.socket.connect))
    monkeypatch.setattr(socket, "getaddrinfo", refuse_connections(socket.getaddrinfo))
    return calls
