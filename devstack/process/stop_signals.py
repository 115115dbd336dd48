"""Handling of stop signals by a flag that the launcher checks where it can stop safely.

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
        self.is_set = False

    def record(self, _number: int, _frame: FrameType | None) -> None:
        """Record a signal; a second one changes nothing."""
        self.is_set = True


_stop_request = _StopRequest()


def stop_on_signals() -> None:
    """Record stop signals for the rest of this process.

    SIGHUP stays ignored if `nohup` has set that.
    """
    for number in STOP_SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop_request.record)


def raise_if_stop_requested() -> None:
    """Raise `StopRequestedError` once after a stop signal; ignore later signals.

    Later signals must not end the process while Python exits, either.
    """
    if _stop_request.is_set:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        _stop_request.is_set = False
        raise StopRequestedError
