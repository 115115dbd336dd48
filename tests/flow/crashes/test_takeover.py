"""The rows of a worker that ended are free for the next one before their lease ends."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from chaos.database import connect
from devstack.product import Product
from sartiq.core.work import holders
from tests.flow.api_client import ApiClient, eventually, media_of
from tests.flow.crashes.crash_file import CrashFile
from tests.flow.crashes.test_crashes import unique_photo

pytestmark = pytest.mark.flow

HOLD = """
UPDATE media_mediaresource
SET lease_holder = %s, lease_expires_at = now() + interval '1 hour', lease_fence = 1, attempts = 1
WHERE id = %s
"""
HELD_BY = "SELECT lease_holder, attempts FROM media_mediaresource WHERE id = %s"


def create(api_client: ApiClient, name: str) -> dict[str, Any]:
    url = api_client.upload("taken.jpg", unique_photo(name), "image/jpeg")
    return api_client.create_product(name=name, cover_image=url)


def has_pending_stop_signal(process: psutil.Process) -> bool:
    """Return whether a suspended process has ended, or will get SIGTERM when it continues."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except FileNotFoundError:
        return True
    pending = next(line for line in status.splitlines() if line.startswith("ShdPnd"))
    return bool(int(pending.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


@pytest.mark.covers("F01")
def test_a_worker_takes_over_the_rows_of_a_dead_process_as_it_starts(
    running_product: Product, api_client: ApiClient
) -> None:
    with subprocess.Popen(["sleep", "300"]) as dead_process:
        start_time = holders.start_time(dead_process.pid)
        dead_process.kill()
    assert start_time is not None
    running_product.stop_worker()
    entity = create(api_client, "Held by a dead process")
    [media] = media_of(entity)
    with connect(running_product) as database:
        database.execute(
            HOLD, [holders.holder_of(dead_process.pid, start_time), media["resource_id"]]
        )

    running_product.start_worker()

    [media] = media_of(api_client.wait_until_processed(entity["id"]))
    assert media["status"] == "ready"


@pytest.mark.covers("F01")
def test_a_worker_that_is_stopped_in_the_middle_of_a_task_releases_its_row(
    running_product: Product, api_client: ApiClient, crash_file: CrashFile
) -> None:
    crash_file.stop_group_at("relocation-started", role="worker")
    entity = create(api_client, "Stopped in the middle")
    [media] = media_of(entity)
    eventually(crash_file.was_reached, bool)
    worker = psutil.Process(running_product.worker.pid)
    processes = worker.children()

    worker.send_signal(signal.SIGQUIT)
    worker.resume()
    # The idle process gets no signal: it would end by itself if it were not suspended.
    eventually(lambda: any(map(has_pending_stop_signal, processes)), bool)
    with suppress(ProcessLookupError):
        os.killpg(worker.pid, signal.SIGCONT)
    eventually(lambda: running_product.worker.is_alive, lambda alive: not alive)

    with connect(running_product) as database:
        assert database.execute(HELD_BY, [media["resource_id"]]).fetchone() == (None, 0)
    running_product.restart_dead()
    [media] = media_of(api_client.wait_until_processed(entity["id"]))
    assert media["status"] == "ready"
