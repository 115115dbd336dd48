"""A worker that is suspended for longer than its lease, while another does its work."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from devstack.process.child import Child
from devstack.product import Product
from tests.flow.api_client import ApiClient, eventually
from tests.flow.bulk import finished_job, require_imported, start, table
from tests.flow.crashes.crash_file import CrashFile

pytestmark = pytest.mark.flow


@pytest.fixture
def running_product(
    live_product: Callable[..., Product], crash_file: CrashFile
) -> Iterator[Product]:
    # A resumed worker must reach its commit before the task's time limit ends it. A worker that
    # waits for locks (3 s) must still hold its lease afterwards, as it does with the real limits.
    limits = {"TASK_TIME_LIMIT": "60", "VISIBILITY_TIMEOUT": "120", "LEASE_SECONDS": "4"}
    running_product = live_product(**limits)
    yield running_product
    crash_file.reset()
    running_product.kill_worker()


@pytest.fixture
def second_worker(running_product: Product) -> Iterator[Child]:
    """A second worker, which the test starts."""
    log = running_product.logs / "second-worker.log"
    worker = replace(running_product.worker, name="second-worker", log=log, _process=None)
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
    point: str, error: str, running_product: Product, second_worker: Child, crash_file: CrashFile
) -> None:
    crash_file.stop_group_at(point, role="worker")
    with ApiClient.member(running_product) as api_client:
        location = start(api_client, table(point)).headers["location"]
        eventually(crash_file.was_reached, bool)

        second_worker.start()
        finished = finished_job(api_client, location)
        os.killpg(running_product.worker.pid, signal.SIGCONT)
        eventually(lambda: re.search(error, running_product.worker.log.read_text()), bool)

        require_imported(api_client, finished, point)
        require_imported(api_client, finished_job(api_client, location), point)
