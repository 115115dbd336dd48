"""Run one command with a temporary stack behind it."""

import os
import signal
from collections.abc import Sequence

from devstack.process.child import outcome
from devstack.process.stop_signals import StopRequestedError, stop_on_signals
from devstack.services.stack import Stack

BY_SIGNAL = 128  # what a shell adds to the number of the signal that ended a command
STOPPED = 130  # what a shell answers for a command stopped from the keyboard


def run(command: Sequence[str]) -> int:
    """Start the services, run `command` against them, stop them; return its exit code."""
    stop_on_signals()
    try:
        with Stack.temporary(environ=os.environ) as stack:
            env = {**os.environ, **stack.env}
            ended = outcome(command, env=env, death_signal=signal.SIGTERM).returncode
    except StopRequestedError:
        return STOPPED
    return BY_SIGNAL - ended if ended < 0 else ended
