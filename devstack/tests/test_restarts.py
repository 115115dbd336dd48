"""When the launcher restarts a process that has ended, and when it gives up."""

import pytest

from devstack.process.child import DevstackError, ProcessEndedError
from devstack.restarts import MAX_OWN_EXITS, MAX_RESTARTS, Restarts


def ended_error(name: str, *, by_itself: bool) -> ProcessEndedError:
    return ProcessEndedError(name, by_itself=by_itself, report=f"{name} ended; its log")


def test_a_process_that_exits_again_and_again_is_an_error() -> None:
    restarts = Restarts()
    exits = [restarts.record(ended_error("web", by_itself=True)) for _ in range(MAX_OWN_EXITS)]

    with pytest.raises(DevstackError, match=r"web ended too often, giving up: .*its log"):
        restarts.record(ended_error("web", by_itself=True))

    assert exits == [1, 2, 3, 4]


def test_exits_are_counted_for_each_process() -> None:
    restarts = Restarts()
    for name in ("web", "worker"):
        for _ in range(MAX_OWN_EXITS):
            restarts.record(ended_error(name, by_itself=True))

    assert restarts.record(ended_error("postgres", by_itself=False)) == 0


def test_kills_of_all_processes_are_counted_together() -> None:
    restarts = Restarts()
    for number in range(MAX_RESTARTS):
        restarts.record(ended_error(f"part {number % 3}", by_itself=False))

    with pytest.raises(DevstackError, match="beat ended too often"):
        restarts.record(ended_error("beat", by_itself=False))
