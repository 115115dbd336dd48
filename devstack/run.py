"""Run one command with a temporary stack."""

import os
import signal
from collections.abc import Sequence

from devstack.process.child import outcome
from devstack.process.stop_signals import StopRequestedError, stop_on_signals
from devstack.services.stack import Stack

BY_SIGNAL = 128  # a shell adds the number of the signal that ended a command
STOPPED = 130  # exit code of a shell for a command stopped by Ctrl-C


def run(command: Sequence[str]) -> int:
    """Start the services, run `command` against them, stop them; return its exit code."""
    stop_on_signals()
    try:
        with Stack.temporary(environ=os.environ) as stack:
            env = {**os.environ, **stack.env}
            code = outcome(command, env=env, death_signal=signal.SIGTERM).returncode
    except StopRequestedError:
        return STOPPED
    return BY_SIGNAL - code if code < 0 else code
