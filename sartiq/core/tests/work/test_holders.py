"""Which processes of this host still run, by the holders of their leases."""

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
    started = holders.start_time(process.pid)
    assert started is not None
    return holders.holder_of(process.pid, started)


def test_each_holder_of_a_process_is_its_own_and_of_this_host() -> None:
    first, second = holders.new_holder(), holders.new_holder()

    smallest, largest = holders.holders_of_host()
    assert first != second
    assert smallest <= first <= largest
    assert holders.dead_among([first, second]) == set()


def test_a_process_is_dead_once_it_has_ended(sleeper: subprocess.Popen[bytes]) -> None:
    holder = holder_of(sleeper)
    running = holders.dead_among([holder])

    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    ended = holders.dead_among([holder])
    sleeper.wait()

    assert (running, ended) == (set(), {holder})
    assert holders.dead_among([holder, holders.new_holder()]) == {holder}


def test_a_later_process_with_the_same_id_is_another(sleeper: subprocess.Popen[bytes]) -> None:
    started = holders.start_time(sleeper.pid)
    assert started is not None

    earlier = holders.holder_of(sleeper.pid, started - 1)

    assert holders.dead_among([earlier]) == {earlier}


def test_a_process_that_another_user_hides_is_not_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_pid: int, _signal: int) -> None:
        raise PermissionError

    holder = holders.new_holder()
    monkeypatch.setattr(holders, "start_time", lambda _pid: None)
    monkeypatch.setattr(os, "kill", refuse)

    assert holders.dead_among([holder]) == set()


def test_nothing_is_known_about_processes_of_other_hosts() -> None:
    smallest, largest = holders.holders_of_host()
    elsewhere = [UUID(int=smallest.int - 1), UUID(int=largest.int + 1), uuid4()]

    assert holders.dead_among(elsewhere) == set()
