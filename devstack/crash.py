"""A crash-point hook that kills a process of the product once, for tests.

The testing settings install it. A test writes a role and the name of a crash point (`worker
relocation-copied`, `web committed`) into the file named by `CRASH_FILE`. The first process of that
role that reaches the point removes the file and dies by SIGKILL. With `all worker
relocation-copied` its whole process group dies, as when a container is lost; with `stop worker
relocation-copied` the group is stopped until SIGCONT.
"""

import os
import signal
import sys
from pathlib import Path

from sartiq.core.work import crash_points


def install_from_environment() -> None:
    """Install the hook if `CRASH_FILE` is set."""
    name = os.environ.get("CRASH_FILE")
    if name:
        crash_points.install(Killer(Path(name)))


class Killer:
    """A crash-point hook that kills its own process at the point named in a file."""

    def __init__(self, crash_file: Path) -> None:
        self._crash_file = crash_file

    def __call__(self, point: str) -> None:
        """Kill this process if `point` is requested and no other process has died there."""
        try:
            requested = self._crash_file.read_text()
        except FileNotFoundError:
            return
        current = f"{_role()} {point}"
        if requested not in {current, f"all {current}", f"stop {current}"}:
            return
        try:
            self._crash_file.rename(self._crash_file.with_name("done"))
        except FileNotFoundError:
            return  # another process was faster
        if requested == current:
            os.kill(os.getpid(), signal.SIGKILL)
        os.killpg(
            os.getpgrp(), signal.SIGSTOP if requested == f"stop {current}" else signal.SIGKILL
        )


def _role() -> str:
    return "worker" if "celery" in sys.argv[0] else "web"
