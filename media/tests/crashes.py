"""Processes that die at a crash point, in tests that run them in-process."""

from collections.abc import Callable


class Crash(BaseException):
    """A process that died."""


def dying_at(point: str) -> Callable[[str], None]:
    """Return a hook for `crash_points.install` that raises Crash at this point."""

    def hook(reached: str) -> None:
        if reached == point:
            raise Crash

    return hook
