"""Processes that die, or stop for a while, at a crash point.

The tests run everything in one process. One that dies raises an exception at the point; from then
on it can reach neither the database nor a store, not even in its `finally` blocks, and its database
session ends.
"""

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
from django.db import connection

from media.services.decoding import memory_budget
from media.services.decoding.memory_budget import Share
from media.tests.crashes import Crash
from sartiq.core.work import crash_points

CHECKOUT: Final = Path(__file__).parents[3]
PACKAGES: Final = ("sartiq", "accounts", "media", "catalog", "exports", "bulkupload")
_CALL: Final = re.compile(r'crash_point(?:\(|,)\s*"([a-z-]+)"')

Result = TypeVar("Result")


@cache
def all_points() -> tuple[str, ...]:
    """Return the crash points named in the source."""
    files = [path for package in PACKAGES for path in (CHECKOUT / package).rglob("*.py")]
    product = [path for path in files if "tests" not in path.relative_to(CHECKOUT).parts]
    return tuple(sorted({name for path in product for name in _CALL.findall(path.read_text())}))


class Crashes:
    """The next process to die or to stop, and the points that were reached."""

    def __init__(self) -> None:
        self.reached: Counter[str] = Counter()
        self._shares: list[Share] = []
        self.reset()

    def reset(self) -> None:
        """Start an example."""
        self.disarm()
        self.is_dead = False
        self.died = 0
        self.paused = 0

    def disarm(self) -> None:
        """Cancel the planned crash or pause."""
        self.point: str | None = None
        self._meanwhile: Callable[[], object] | None = None

    def crash_at(self, point: str) -> None:
        """Let the next process that reaches the point die."""
        self.disarm()
        self.point = point

    def pause_at(self, point: str, meanwhile: Callable[[], object]) -> None:
        """Pause the next process that reaches the point outside a transaction for `meanwhile`."""
        self.disarm()
        self.point, self._meanwhile = point, meanwhile

    def run(self, call: Callable[[], Result]) -> tuple[Result] | None:
        """Run a process; return its result, None if it died."""
        try:
            return (call(),)
        except Crash:
            self._end_dead_process()
            return None

    def require_alive(self) -> None:
        """Keep a dead process from having any further effect."""
        if self.is_dead:
            raise Crash

    def _end_dead_process(self) -> None:
        self.is_dead = False
        connection.close()
        for share in self._shares:
            share.close()
        self._shares.clear()

    def _reach(self, point: str) -> None:
        self.reached[point] += 1
        if point != self.point:
            return
        if self._meanwhile is None:
            self.disarm()
            self.is_dead = True
            self.died += 1
            raise Crash
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread and not connection.in_atomic_block:
            meanwhile = self._meanwhile
            self.disarm()
            self.paused += 1
            meanwhile()

    def _execute(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: Any, context: Any
    ) -> Any:
        if self.is_dead and not str(sql).startswith(("ROLLBACK", "RELEASE")):
            raise Crash
        return execute(sql, params, many, context)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Install the hook of the crash points."""
        take = memory_budget.take

        def take_and_record(*args: Any, **kwargs: Any) -> Share | None:
            share = take(*args, **kwargs)
            self._shares += [share] if share else []
            return share

        crash_points.install(self._reach)
        with pytest.MonkeyPatch.context() as patch, connection.execute_wrapper(self._execute):
            patch.setattr(memory_budget, "take", take_and_record)
            try:
                yield
            finally:
                crash_points.install(None)
