"""A worker that stands still for longer than its lease, and wakes up when others did its work."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from devstack.process.child import Child
from devstack.product import Product
from tests.flow.bulk import finished_job, require_exact, start, table
from tests.flow.studio import Studio, eventually

pytestmark = pytest.mark.flow


@pytest.fixture
def product(live_product: Callable[..., Product], armed: Path) -> Iterator[Product]:
    # A worker that wakes up must come to its commit before its own time limit ends it; one that
    # waits for its locks (3 s) must still hold its lease then, as it does with the real limits.
    limits = {"TASK_TIME_LIMIT": "60", "VISIBILITY_TIMEOUT": "120", "LEASE_SECONDS": "4"}
    product = live_product(CRASH_FILE=str(armed), BULK_CHUNK_ROWS="7", **limits)
    yield product
    for crashes in armed.parent.iterdir():
        crashes.unlink()
    product.kill_worker()


@pytest.fixture
def second(product: Product) -> Iterator[Child]:
    """Another worker, to be started by the test."""
    log = product.logs / "second-worker.log"
    worker = replace(product.worker, name="second-worker", log=log, _process=None)
    yield worker
    worker.stop()


@pytest.mark.covers("F31", "I15")
@pytest.mark.parametrize(
    ("point", "refusal"),
    [
        ("bulk-parsed", "LeaseLostError"),
        # PostgreSQL itself ended the session, which may close before it has said why.
        ("bulk-merged", "idle-in-transaction timeout|OperationalError"),
    ],
)
def test_a_worker_that_was_suspended_too_long_commits_nothing(
    point: str, refusal: str, product: Product, second: Child, armed: Path
) -> None:
    armed.write_text(f"stop worker {point}")
    with Studio.member(product) as studio:
        location = start(studio, table(point)).headers["location"]
        eventually(armed.with_name("done").exists, bool)

        second.start()
        overtaken = finished_job(studio, location)
        os.killpg(product.worker.pid, signal.SIGCONT)
        eventually(lambda: re.search(refusal, product.worker.log.read_text()), bool)

        require_exact(studio, overtaken, point)
        require_exact(studio, finished_job(studio, location), point)
