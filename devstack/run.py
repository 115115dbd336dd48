"""Run one command with a temporary stack behind it."""

import os
import signal
import subprocess
from collections.abc import Sequence
from functools import partial

from devstack.processes import die_with_parent
from devstack.serve import StopAskedError, stopping_on_signal
from devstack.stack import Stack

STOPPED = 130  # what a shell answers for a command stopped from the keyboard


def run(command: Sequence[str]) -> int:
    """Start the services, run `command` against them, stop them; return its exit code."""
    with stopping_on_signal():
        try:
            with Stack.temporary(given=os.environ) as stack:
                return subprocess.run(
                    command,
                    env={**os.environ, **stack.env},
                    check=False,
                    preexec_fn=partial(die_with_parent, signal.SIGTERM),
                ).returncode
        except StopAskedError:
            return STOPPED
