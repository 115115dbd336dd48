"""Killing a process of the product at a named crash point, once, when a test asks for it.

Installed by the testing settings. A test arms it by writing a role and the name of a point
(`worker relocation-copied`, `web committed`) into the file that `CRASH_FILE` names; the first
process of that role to reach the point takes the file away and dies by SIGKILL. With `all worker
relocation-copied` its whole process group dies, as when a container is lost; with `stop worker
relocation-copied` the group stands still until SIGCONT.
"""

import os
import signal
import sys
from pathlib import Path

from sartiq.core.work import crash_points


def install_from_environment() -> None:
    """Install the hook when `CRASH_FILE` is set."""
    name = os.environ.get("CRASH_FILE")
    if name:
        crash_points.install(Killer(Path(name)))


class Killer:
    """A crash-point hook that kills its own process at the point named in a file."""

    def __init__(self, armed: Path) -> None:
        self._armed = armed

    def __call__(self, point: str) -> None:
        """Die when `point` is the one asked for and nobody died there yet."""
        try:
            requested = self._armed.read_text()
        except FileNotFoundError:
            return
        here = f"{_role()} {point}"
        if requested not in {here, f"all {here}", f"stop {here}"}:
            return
        try:
            self._armed.rename(self._armed.with_name("done"))
        except FileNotFoundError:
            return  # another process was faster
        if requested == here:
            os.kill(os.getpid(), signal.SIGKILL)
        os.killpg(os.getpgrp(), signal.SIGSTOP if requested == f"stop {here}" else signal.SIGKILL)


def _role() -> str:
    return "worker" if "celery" in sys.argv[0] else "web"
