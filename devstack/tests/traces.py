"""Find all processes that a launcher started, by an environment variable that they inherit."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from devstack.folders import CHECKOUT
from devstack.process.proc_table import family, is_running

MARKER = "DEVSTACK_TEST_MARKER"


@dataclass
class Launched:
    """A running launcher, with a marker that finds the processes it started."""

    process: subprocess.Popen[str]
    marker: str
    pids: set[int] = field(default_factory=set)

    def descendants(self) -> set[int]:
        """Return the ids of the processes it started that are still running.

        PostgreSQL overwrites its environment with its process title, so the process tree is
        searched as well. Processes that were found once are remembered.
        """
        self.pids |= family(self.process.pid) | with_marker(self.marker)
        self.pids -= {self.process.pid}
        return {pid for pid in self.pids if is_running(pid)}

    def read_until(self, start: str) -> str:
        """Return the next line of output that starts with `start`."""
        output = self.process.stdout
        assert output is not None
        line: str
        for line in iter(output.readline, ""):
            if line.startswith(start):
                return line
        raise AssertionError(f"no line {start!r}; exit code {self.process.wait()}")


@contextmanager
def launched(
    *arguments: str, cwd: Path = CHECKOUT, env: dict[str, str] | None = None
) -> Iterator[Launched]:
    """Run `python -m devstack …` with a marker; kill all its processes at the end."""
    marker = uuid.uuid4().hex
    with subprocess.Popen(
        [sys.executable, "-m", "devstack", *arguments],
        cwd=cwd,
        env={**without_stack(), MARKER: marker, **(env or {})},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        launched = Launched(process=process, marker=marker)
        try:
            yield launched
        finally:
            process.kill()
            for pid in launched.descendants():
                os.kill(pid, signal.SIGKILL)


def without_stack() -> dict[str, str]:
    """Return this process's environment without the variables of the test run's own stack."""
    names = {*os.environ.get("DEVSTACK_VARIABLES", "").split(), "DEVSTACK_VARIABLES"}
    return {name: value for name, value in os.environ.items() if name not in names}


def with_marker(marker: str) -> set[int]:
    """Return the ids of the running processes that have the marker in their environment."""
    return {
        process.pid
        for process in psutil.process_iter(["environ"])
        if (process.info["environ"] or {}).get(MARKER) == marker
    }
