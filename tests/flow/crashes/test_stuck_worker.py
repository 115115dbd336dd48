"""A worker that no longer takes messages exits, and the launcher starts another one."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from celery import Celery

from devstack.folders import remove_data
from devstack.product import Person
from devstack.tests.test_serve import children_running
from devstack.tests.traces import launched
from sartiq.core.work.queues import QUEUES
from tests.flow.api_client import ApiClient, eventually, media_of
from tests.flow.crashes.test_crashes import unique_photo

pytestmark = pytest.mark.flow

WATCHDOG_SECONDS = 6  # until a worker without messages exits


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    remove_data(tmp_path)


def stop_consuming(worker: int) -> None:
    """Make the worker take no more messages from any queue."""
    broker = psutil.Process(worker).environ()["BROKER_URL"]
    with Celery(broker=broker, set_as_current=False) as client:
        for queue in QUEUES:
            assert client.control.cancel_consumer(queue.name, reply=True, limit=1, timeout=20)


@pytest.mark.covers("F09")
def test_a_stuck_worker_exits_and_the_next_one_does_its_work(data: Path) -> None:
    env = {
        "PORT": "0",
        "DEVSTACK_DIR": str(data),
        "DJANGO_SETTINGS_MODULE": "sartiq.settings.testing",
        "WATCHDOG_SECONDS": str(WATCHDOG_SECONDS),
    }
    with launched("serve", env=env) as serve:
        addresses = json.loads(serve.read_until("READY ").removeprefix("READY "))
        member = Person(**addresses["users"]["member"])
        running_product = SimpleNamespace(api=addresses["api"])
        with ApiClient(running_product, member, addresses["organization_id"]) as api_client:
            url = api_client.upload(
                "before.jpg", unique_photo("before the worker is stuck"), "image/jpeg"
            )
            api_client.wait_until_processed(
                api_client.create_product(name="Before", cover_image=url)["id"]
            )
            (stuck_pid,) = children_running(serve.process.pid, "worker")
            stop_consuming(stuck_pid)

            url = api_client.upload("after.jpg", unique_photo("the worker is stuck"), "image/jpeg")
            product = api_client.create_product(name="After", cover_image=url)
            eventually(
                lambda: children_running(serve.process.pid, "worker") - {stuck_pid},
                bool,
                within=120,
            )
            product = api_client.wait_until_processed(product["id"])
        serve.process.send_signal(signal.SIGTERM)
        assert serve.process.wait() == 0

    assert [image["status"] for image in media_of(product)] == ["ready"]
    log = (data / "log" / "worker.log").read_text()
    events = [json.loads(line) for line in log.splitlines() if '"worker_deaf"' in line]
    names = sorted(queue.name for queue in QUEUES)
    assert (events[0]["level"], events[0]["queues"]) == ("error", names)
