"""Being told to stop by a signal, and stopping only where nothing is half done.

A handler that raises does so between any two instructions: a process that was just started is not
noted yet and outlives the stop, or the exception lands where Python swallows it, as in what runs
around a fork, and the wish is lost. So the handler only takes note, and whoever waits looks.
"""

import signal
from types import FrameType

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class StopAskedError(BaseException):
    """Raised at a checkpoint when a signal has asked the launcher to stop."""


class _Wish:
    """What the signals of this process asked for so far."""

    def __init__(self) -> None:
        self.is_open = False
        self.is_known = False

    def note(self, _number: int, _frame: FrameType | None) -> None:
        """Take note of the first signal; further ones cannot disturb the stop."""
        self.is_open = not self.is_known
        self.is_known = True


_wish = _Wish()


def stop_on_signals() -> None:
    """Have stop signals taken note of for the rest of this process."""
    for number in STOP_SIGNALS:
        signal.signal(number, _wish.note)


def checkpoint() -> None:
    """Raise `StopAskedError` if a signal came; once, so that stopping may wait for others."""
    if _wish.is_open:
        _wish.is_open = False
        raise StopAskedError
