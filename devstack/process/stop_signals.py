"""Stop signals: the handler sets a flag, and the launcher checks it where it can stop safely.

A handler that raises can interrupt anywhere. A process that was just started is then not
recorded yet and survives the stop, or Python swallows the exception, as in code that runs around a
fork. So the handler only records the request.
"""

import signal
from types import FrameType

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class StopRequestedError(BaseException):
    """Raised where the launcher waits after a signal has asked it to stop."""


class _StopRequest:
    """Whether a signal has asked this process to stop."""

    def __init__(self) -> None:
        self.is_open = False

    def record(self, _number: int, _frame: FrameType | None) -> None:
        """Record a signal; a second one changes nothing."""
        self.is_open = True


_stop_request = _StopRequest()


def stop_on_signals() -> None:
    """Record stop signals for the rest of this process.

    A closed terminal stays ignored where `nohup` had it ignored.
    """
    for number in STOP_SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop_request.record)


def raise_if_stop_requested() -> None:
    """Raise `StopRequestedError` once if a signal came; later signals are ignored.

    They must not end the process while Python exits either: it restores the handlers first.
    """
    if _stop_request.is_open:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        _stop_request.is_open = False
        raise StopRequestedError
