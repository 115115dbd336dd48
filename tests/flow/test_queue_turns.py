"""Thousands of messages in one queue do not delay the work of the other queues."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from celery import Celery

from devstack.product import Product
from sartiq.core.work.queues import DELETIONS
from tests.flow import bulk
from tests.flow.api_client import ApiClient

pytestmark = pytest.mark.flow

MESSAGES = 3000
ROWS = 1500
QUEUE_DELETIONS = f"""
from media.models import DeletionReason
from media.services import deletions
keys = [f"temp/unused-{{number}}" for number in range({ROWS})]
deletions.queue(keys, reason=DeletionReason.EXPIRED, notify_workers=False)
"""


@pytest.fixture
def broker(running_product: Product) -> Iterator[Any]:
    """A client of the product's broker; this test's messages are deleted after it."""
    assert running_product.stack.valkey is not None
    with redis.Redis(unix_socket_path=str(running_product.stack.valkey.socket)) as client:
        yield client
        client.delete(DELETIONS)


@pytest.mark.covers("F08")
def test_deletions_do_not_delay_an_import(
    running_product: Product, api_client: ApiClient, broker: Any
) -> None:
    running_product.stop_worker()
    running_product.manage("shell", "--no-imports", "--command", QUEUE_DELETIONS)
    with Celery(broker=running_product.env["BROKER_URL"], set_as_current=False) as client:
        for _ in range(MESSAGES):
            client.send_task("media.delete_objects", queue=DELETIONS, ignore_result=True)
    response = bulk.start(api_client, bulk.table("TURNS"))
    assert response.status_code == 202, response.text
    assert broker.llen(DELETIONS) >= MESSAGES

    running_product.start_worker()
    job = bulk.finished_job(api_client, response.headers["Location"])

    assert broker.llen(DELETIONS) > MESSAGES * 2 // 3
    bulk.require_imported(api_client, job, "TURNS")
