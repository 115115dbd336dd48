"""Helpers for the tests of the decoder's child processes."""

import json
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

TIMEOUT_SECONDS = 10.0
ROOT = Path(__file__).parents[4]


def is_gone(pid: int) -> bool:
    """Return whether a process has ended, even if nobody has waited for it."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline
        pause.wait(0.01)


def forks_of(pid: int) -> list[int]:
    return [child.pid for child in psutil.Process(pid).children()]


def decode_request(path: Path, seconds: int = 20) -> dict[str, object]:
    """Return the request that `decode` sends for a JPEG."""
    return {
        "job": "decode",
        "path": str(path),
        "format": "JPEG",
        "frames": 1,
        "ranges": None,
        "coded_size": None,
        "max_pixels": 50_000_000,
        "wall_seconds": seconds,
        "cpu_seconds": 10,
        "address_space": 2 * 2**30,
    }


_HOLDER = """
import json, sys
from media.services.decoding import client
for line in sys.stdin:
    client.ask(json.loads(line))
    print(client.running_pid(), flush=True)
"""


@contextmanager
def holder() -> Iterator[subprocess.Popen[str]]:
    """Run a process that decodes the files named on its standard input, until it is killed."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def send_request(process: subprocess.Popen[str], request: dict[str, object]) -> None:
    assert process.stdin is not None
    print(json.dumps(request), file=process.stdin, flush=True)


def decoder_pid(process: subprocess.Popen[str], *, seconds: float = TIMEOUT_SECONDS) -> int | None:
    """Return the decoder's process id once the request is done, None if that takes too long."""
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], seconds)
    return int(process.stdout.readline()) if readable else None
