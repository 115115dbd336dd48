"""Conditions that a write checks on the row it is about to change."""

from collections.abc import Callable
from typing import Any

# Called with the locked row, in the transaction that writes; raises ResourceChangedError.
Precondition = Callable[[Any], None]


def unconditional(_row: Any) -> None:
    """Accept every row."""
