"""A worker that is suspended for longer than its lease, while another does its work."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from devstack.process.child import Child
from devstack.product import Product
from tests.flow.bulk import finished_job, require_imported, start, table
from tests.flow.studio import Studio, eventually

pytestmark = pytest.mark.flow


@pytest.fixture
def product(live_product: Callable[..., Product], crash_file: Path) -> Iterator[Product]:
    # A resumed worker must reach its commit before the task's time limit ends it. A worker that
    # waits for locks (3 s) must still hold its lease afterwards, as it does with the real limits.
    limits = {"TASK_TIME_LIMIT": "60", "VISIBILITY_TIMEOUT": "120", "LEASE_SECONDS": "4"}
    product = live_product(CRASH_FILE=str(crash_file), BULK_CHUNK_ROWS="7", **limits)
    yield product
    for file in crash_file.parent.iterdir():
        file.unlink()
    product.kill_worker()


@pytest.fixture
def second(product: Product) -> Iterator[Child]:
    """A second worker, which the test starts."""
    log = product.logs / "second-worker.log"
    worker = replace(product.worker, name="second-worker", log=log, _process=None)
    yield worker
    worker.stop()


@pytest.mark.covers("F31", "I15")
@pytest.mark.parametrize(
    ("point", "error"),
    [
        ("bulk-parsed", "LeaseLostError"),
        # PostgreSQL has ended the session, perhaps without telling the client why.
        ("bulk-merged", "idle-in-transaction timeout|OperationalError"),
    ],
)
def test_a_worker_that_was_suspended_too_long_commits_nothing(
    point: str, error: str, product: Product, second: Child, crash_file: Path
) -> None:
    crash_file.write_text(f"stop worker {point}")
    with Studio.member(product) as studio:
        location = start(studio, table(point)).headers["location"]
        eventually(crash_file.with_name("done").exists, bool)

        second.start()
        finished_by_second = finished_job(studio, location)
        os.killpg(product.worker.pid, signal.SIGCONT)
        eventually(lambda: re.search(error, product.worker.log.read_text()), bool)

        require_imported(studio, finished_by_second, point)
        require_imported(studio, finished_job(studio, location), point)
