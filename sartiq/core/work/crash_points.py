"""Named places where tests stop the process, to prove that a crash there loses nothing.

Outside tests no hook is installed, and `crash_point` costs one comparison.
"""

from collections.abc import Callable

Hook = Callable[[str], None]

_hook: Hook | None = None


def install(hook: Hook | None) -> None:
    """Call `hook` with the name of every crash point reached; None removes it."""
    global _hook  # noqa: PLW0603  one hook per process
    _hook = hook


def crash_point(name: str) -> None:
    """Call the installed hook, if any, with the name of this crash point."""
    if _hook is not None:
        _hook(name)
