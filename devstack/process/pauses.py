"""Pauses of services: the kernel accepts connections for them, and nothing responds."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from devstack.process.child import Child
from devstack.process.proc_table import family


@contextmanager
def paused(*children: Child) -> Iterator[None]:
    """Pause these processes and all they started during the block."""
    pids = [pid for child in children for pid in (child.pid, *family(child.pid))]
    try:
        for pid in pids:
            _send(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            _send(pid, signal.SIGCONT)


def _send(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):  # a connection's own process of PostgreSQL has just ended
        os.kill(pid, number)
