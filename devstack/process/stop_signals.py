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
    """What the signals of this process asked for and nobody has answered yet."""

    def __init__(self) -> None:
        self.is_open = False

    def note(self, _number: int, _frame: FrameType | None) -> None:
        """Take note of a signal; a second one wishes nothing else."""
        self.is_open = True


_wish = _Wish()


def stop_on_signals() -> None:
    """Have stop signals taken note of for the rest of this process.

    A closed terminal stays ignored where `nohup` had it ignored.
    """
    for number in STOP_SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _wish.note)


def checkpoint() -> None:
    """Raise `StopAskedError` if a signal came; once, further ones cannot disturb the stop.

    Nor can they end the process while Python takes itself apart: it gives up handlers first.
    """
    if _wish.is_open:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        _wish.is_open = False
        raise StopAskedError
