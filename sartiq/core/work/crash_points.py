"""Named places where a test may stop the process, to prove that a crash there loses nothing.

Nothing is installed outside tests: `reach` is then one comparison.
"""

from collections.abc import Callable

Hook = Callable[[str], None]

_hook: Hook | None = None


def install(hook: Hook | None) -> None:
    """Call `hook` with the name of every crash point reached; None removes it."""
    global _hook  # noqa: PLW0603  one process-wide switch is the whole feature
    _hook = hook


def reach(point: str) -> None:
    """Tell an installed hook that `point` was reached."""
    if _hook is not None:
        _hook(point)
