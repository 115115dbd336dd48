"""One memory budget for all processes of a host, freed by the kernel when one is killed."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from pytest_django import Settings

from media.rules.decode_costs import DecodeCost
from media.services.decoding import memory_budget
from media.services.decoding.memory_budget import SLOT_BYTES
from sartiq.core import temporary_files

PATIENCE = 10.0
ROOT = Path(__file__).parents[4]
_HOLDER = """
import sys
import django
django.setup()
from django.conf import settings
settings.DECODE_MEMORY_BYTES = int(sys.argv[3])
from media.rules.decode_costs import DecodeCost
from media.services.decoding import memory_budget
cost = DecodeCost(memory=int(sys.argv[1]), is_slow=sys.argv[2] == "slow", is_largest=False)
share = memory_budget.take(cost, owner="other")
print(share is not None, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def budget(tmp_path: Path, settings: Settings) -> None:
    settings.TEMPORARY_DIR = str(tmp_path)
    settings.DECODE_MEMORY_BYTES = 16 * SLOT_BYTES


def of_slots(count: int, *, is_slow: bool = False, is_largest: bool = False) -> DecodeCost:
    return DecodeCost(memory=count * SLOT_BYTES, is_slow=is_slow, is_largest=is_largest)


@contextmanager
def another_process(slots: int, kind: str = "light") -> Iterator[subprocess.Popen[str]]:
    """Run a process that holds a share until it is killed."""
    env = {
        **os.environ,
        "TEMPORARY_DIR": str(temporary_files.root().parent),
        "DJANGO_SETTINGS_MODULE": "sartiq.settings.testing",
    }
    memory = (str(slots * SLOT_BYTES), kind, str(16 * SLOT_BYTES))
    command = [sys.executable, "-c", _HOLDER, *memory]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stdin=pipe, stdout=pipe, text=True
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "True\n"
            yield process
        finally:
            process.kill()


@pytest.mark.covers("T31")
def test_decodes_run_in_parallel_until_the_memory_is_used_up() -> None:
    with ExitStack() as shares_stack:
        shares = [memory_budget.take(of_slots(4), owner=f"{n}") for n in range(5)]
        for share in shares[:4]:
            assert share is not None
            shares_stack.enter_context(share)
        assert shares[4] is None

    after = memory_budget.take(of_slots(16), owner="a")
    assert after is not None
    after.close()


@pytest.mark.covers("T31")
def test_the_share_of_a_killed_process_is_released() -> None:
    with another_process(12) as process:
        assert memory_budget.take(of_slots(5), owner="a") is None
        process.kill()
        process.wait()

        share = memory_budget.take(of_slots(16), owner="a")
        assert share is not None
        share.close()


def test_slow_files_of_one_owner_run_one_at_a_time_and_small_ones_in_parallel() -> None:
    slow_share = memory_budget.take(of_slots(1, is_slow=True), owner="a")
    assert slow_share is not None
    with slow_share:
        assert memory_budget.take(of_slots(1, is_slow=True), owner="a") is None
        for cost, owner in ((of_slots(1, is_slow=True), "b"), (of_slots(1), "a")):
            share = memory_budget.take(cost, owner=owner)
            assert share is not None
            share.close()


def test_the_largest_run_one_at_a_time_across_owners() -> None:
    cost = of_slots(1, is_slow=True, is_largest=True)
    first = memory_budget.take(cost, owner="a")
    assert first is not None
    with first:
        assert memory_budget.take(cost, owner="b") is None
    second = memory_budget.take(cost, owner="b")
    assert second is not None
    second.close()


@pytest.mark.covers("T31")
def test_small_files_run_while_a_large_one_waits_and_the_large_one_runs_in_the_end() -> None:
    acquired = threading.Event()

    def wait_for_memory() -> None:
        with memory_budget.wait_for_share(of_slots(12, is_slow=True), owner="large"):
            acquired.set()

    share_of_four = memory_budget.take(of_slots(4), owner="small")
    assert share_of_four is not None
    with another_process(8) as process:
        share_of_four.close()
        waiting_thread = threading.Thread(target=wait_for_memory)
        waiting_thread.start()
        for _ in range(20):
            with memory_budget.wait_for_share(of_slots(2), owner="small"):
                assert not acquired.is_set()
        process.kill()
        process.wait()

        assert acquired.wait(PATIENCE)
        waiting_thread.join()
