"""Stop signals of the process that starts the services (`make serve`, `make demo`, the tests).

The handler only sets a flag, which that process checks where it can stop safely. A handler that
raises could interrupt anywhere: just after a service was started and before its process id is
recorded, so that the service survives, or in code around a fork, where Python swallows exceptions.
"""

import signal
from types import FrameType

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class StopRequestedError(BaseException):
    """Raised at the next safe place after a stop signal."""


class _StopRequest:
    """Whether a signal has asked this process to stop."""

    def __init__(self) -> None:
        self.is_set = False

    def record(self, _number: int, _frame: FrameType | None) -> None:
        """Record a signal; a second one changes nothing."""
        self.is_set = True


_stop_request = _StopRequest()


def stop_on_signals() -> None:
    """Record stop signals until this process ends. Under `nohup`, SIGHUP stays ignored."""
    for number in STOP_SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop_request.record)


def raise_if_stop_requested() -> None:
    """Raise `StopRequestedError` once after a stop signal.

    Later signals are ignored, so that they do not interrupt the clean-up.
    """
    if _stop_request.is_set:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        _stop_request.is_set = False
        raise StopRequestedError
