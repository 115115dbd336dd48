"""Killing one web process, also repeatedly, stops neither the other one nor the server."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

import httpx
import psutil
import pytest

from devstack.folders import CHECKOUT
from devstack.process.child import wait_until
from devstack.process.ports import free_port
from devstack.product import Product

pytestmark = pytest.mark.flow

KILLS = 5


def workers(running_product: Product) -> list[int]:
    """Return the web processes, which the server forks."""
    return children(running_product.web.pid)


def children(pid: int) -> list[int]:
    """Return the process ids of the children of a process."""
    return [child.pid for child in psutil.Process(pid).children()]


def wait_for_replacement(running_product: Product, sibling: int) -> int:
    """Wait until there is another web process than this one, and return its id."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        other_pids = [pid for pid in workers(running_product) if pid != sibling]
        if other_pids:
            return other_pids[0]
    raise TimeoutError


def test_killing_one_web_process_does_not_stop_the_other(running_product: Product) -> None:
    victim, sibling = workers(running_product)

    for _ in range(KILLS):
        process = psutil.Process(victim)
        process.kill()
        process.wait()  # until then it may accept the connection
        assert httpx.get(f"{running_product.api}/health/ready", timeout=20).status_code == 200
        victim = wait_for_replacement(running_product, sibling)

    assert running_product.web.is_alive
    assert sibling in workers(running_product)


@pytest.fixture
def server() -> Iterator[subprocess.Popen[str]]:
    """A web server with two processes, which a test stops."""
    with subprocess.Popen(
        [sys.executable, "-m", "sartiq.server", "--port", str(free_port()), "--stop-seconds", "90"],
        cwd=CHECKOUT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "sartiq.settings.testing"},
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        yield server
        with suppress(psutil.NoSuchProcess):  # a server that failed to stop has web processes left
            for child in psutil.Process(server.pid).children():
                child.kill()
        server.kill()


def test_a_server_whose_processes_keep_dying_ends_with_an_error(
    server: subprocess.Popen[str],
) -> None:
    def is_over() -> bool:
        for child in children(server.pid):
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        return server.poll() is not None

    wait_until(is_over, what="the end of the server", seconds=60)

    output, _ = server.communicate()
    assert server.returncode == 1
    assert "No web process stays alive" in output


def test_a_stop_does_not_wait_for_processes_that_are_still_starting(
    server: subprocess.Popen[str],
) -> None:
    wait_until(lambda: bool(children(server.pid)), what="a web process", seconds=60)

    server.terminate()

    assert server.wait(timeout=60) == 0
