"""Time that passes without waiting, and clocks that differ."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from unittest.mock import patch

from django.utils import timezone

from tests.model.environment import database


class Clock:
    """How much time the rules have let pass, and how wrong the clocks are.

    The clock of the database is right. Time passes by making rows and objects older.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start an example."""
        self.elapsed = timedelta()
        self.process_skew = timedelta()
        self.store_skew = timedelta()

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        database.shift(by)
        self.elapsed += by

    @contextmanager
    def skewed_in_processes(self) -> Iterator[None]:
        """Give web processes and workers the skewed clock."""
        real = timezone.now

        def now() -> datetime:
            return real() + self.process_skew

        with patch.object(timezone, "now", now):
            yield
