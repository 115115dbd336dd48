"""Whether the processes that hold leases still run on this host."""

import os
import subprocess
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from sartiq.core.work import holders


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "300"]) as process:
        yield process
        process.kill()


def holder_of(process: subprocess.Popen[bytes]) -> UUID:
    start_time = holders.start_time(process.pid)
    assert start_time is not None
    return holders.holder_of(process.pid, start_time)


def test_each_process_has_its_own_holder_in_the_range_of_this_host() -> None:
    first, second = holders.new_holder(), holders.new_holder()

    smallest, largest = holders.holders_of_host()
    assert first != second
    assert smallest <= first <= largest
    assert holders.dead_among([first, second]) == set()


def test_a_process_is_dead_once_it_has_ended(sleeper: subprocess.Popen[bytes]) -> None:
    holder = holder_of(sleeper)
    dead_while_running = holders.dead_among([holder])

    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    dead_after_end = holders.dead_among([holder])
    sleeper.wait()

    assert (dead_while_running, dead_after_end) == (set(), {holder})
    assert holders.dead_among([holder, holders.new_holder()]) == {holder}


def test_a_later_process_with_the_same_id_is_another(sleeper: subprocess.Popen[bytes]) -> None:
    start_time = holders.start_time(sleeper.pid)
    assert start_time is not None

    earlier_holder = holders.holder_of(sleeper.pid, start_time - 1)

    assert holders.dead_among([earlier_holder]) == {earlier_holder}


def test_a_process_that_another_user_hides_is_not_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_pid: int, _signal: int) -> None:
        raise PermissionError

    holder = holders.new_holder()
    monkeypatch.setattr(holders, "start_time", lambda _pid: None)
    monkeypatch.setattr(os, "kill", refuse)

    assert holders.dead_among([holder]) == set()


def test_nothing_is_known_about_processes_of_other_hosts() -> None:
    smallest, largest = holders.holders_of_host()
    other_hosts_holders = [UUID(int=smallest.int - 1), UUID(int=largest.int + 1), uuid4()]

    assert holders.dead_among(other_hosts_holders) == set()
