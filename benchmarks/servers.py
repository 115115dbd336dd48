"""Servers to compare, on free loopback ports."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from devstack.process.child import wait_until
from devstack.process.ports import LOOPBACK, free_port, is_listening

START_SECONDS = 20
CHECKOUT = Path(__file__).resolve().parent.parent


@contextmanager
def running_server(
    target: str, *, interface: str, env: Mapping[str, str], workers: int, threads: int
) -> Iterator[str]:
    """Run `target` under granian during the `with` block; yield its base URL.

    `threads` is the number per process of a WSGI server; ASGI has an event loop instead. The
    product (interface `sartiq`) starts its own server and threads.
    """
    port = free_port()
    command = [sys.executable, "-m"]
    if interface == "sartiq":
        command += [target]
    else:
        command += ["granian", target, "--interface", interface, "--no-ws"]
    command += ["--host", LOOPBACK, "--port", str(port), "--log-level", "error"]
    command += ["--workers", str(workers)]
    command += ["--blocking-threads", str(threads)] if interface == "wsgi" else []
    child = subprocess.Popen(
        # It writes one log line per request, as in production; they are discarded.
        command,
        cwd=CHECKOUT,
        env=dict(env),
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: is_listening(port), what=target, seconds=START_SECONDS)
        yield f"http://{LOOPBACK}:{port}"
    finally:
        child.terminate()
        child.wait(timeout=10)
