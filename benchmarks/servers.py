"""Serving a peer under the product's own server, on a free loopback port."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from devstack.ports import LOOPBACK, answers, free_port

START_SECONDS = 20
CHECKOUT = Path(__file__).resolve().parent.parent


@contextmanager
def served(target: str, *, interface: str, env: Mapping[str, str]) -> Iterator[str]:
    """Run `target` under granian with one worker; yield its base URL; stop it by pid."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", interface, "--no-ws"]
    command += ["--host", LOOPBACK, "--port", str(port), "--workers", "1", "--log-level", "error"]
    command += ["--blocking-threads", "4"] if interface == "wsgi" else []
    child = subprocess.Popen([*command, target], cwd=CHECKOUT, env=dict(env))
    try:
        _wait(port)
        yield f"http://{LOOPBACK}:{port}"
    finally:
        child.terminate()
        child.wait(timeout=10)


def _wait(port: int) -> None:
    ends = time.monotonic() + START_SECONDS
    while not answers(port):
        if time.monotonic() > ends:
            raise TimeoutError(port)
        time.sleep(0.05)
