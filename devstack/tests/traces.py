"""Find every process that a launcher started, by a mark it handed down in its environment."""

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

MARK = "DEVSTACK_TEST_MARK"


@dataclass
class Launched:
    """A launcher, and how to find what it started."""

    process: subprocess.Popen[str]
    mark: str
    pids: set[int] = field(default_factory=set)

    def descendants(self) -> set[int]:
        """Return the ids of the processes it started that still run.

        PostgreSQL writes its title over its environment and loses the mark, so the family tree is
        read as well; processes found once are remembered.
        """
        self.pids |= family(self.process.pid) | marked(self.mark)
        self.pids -= {self.process.pid}
        return {pid for pid in self.pids if is_running(pid)}

    def read_until(self, start: str) -> str:
        """Return the next line of output that starts so."""
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
    """Run `python -m devstack …` with a mark; kill whatever is left in the end."""
    mark = uuid.uuid4().hex
    with subprocess.Popen(
        [sys.executable, "-m", "devstack", *arguments],
        cwd=cwd,
        env={**without_stack(), MARK: mark, **(env or {})},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        launched = Launched(process=process, mark=mark)
        try:
            yield launched
        finally:
            process.kill()
            for pid in launched.descendants():
                os.kill(pid, signal.SIGKILL)


def without_stack() -> dict[str, str]:
    """Return this process's environment without the addresses of the test run's own stack."""
    names = {*os.environ.get("DEVSTACK_VARIABLES", "").split(), "DEVSTACK_VARIABLES"}
    return {name: value for name, value in os.environ.items() if name not in names}


def marked(mark: str) -> set[int]:
    """Return the ids of running processes that carry the mark."""
    processes = psutil.process_iter(["environ"])
    return {
        process.pid for process in processes if (process.info["environ"] or {}).get(MARK) == mark
    }
