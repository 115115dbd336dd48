"""Services that hang: they accept connections and never respond."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx
import pytest

from devstack.process.pauses import paused
from devstack.product import Product
from tests.flow.api_client import ApiClient, eventually

pytestmark = pytest.mark.flow

NO_WAIT_SECONDS = 2.0  # a response takes a few milliseconds on an idle machine
HUNG_SECONDS = 3.0 + NO_WAIT_SECONDS
CREATIONS = 16  # enough for both processes
PRESIGN = "/api/v1/uploads/presigned-url"
UPLOAD = {"filename": "a.jpg", "content_type": "image/jpeg", "file_size": 100}


def duration(send: Callable[[], httpx.Response], status: int) -> float:
    """Return how long a response of this status took."""
    start = time.monotonic()
    response = send()
    assert response.status_code == status, response.text
    if status == httpx.codes.SERVICE_UNAVAILABLE:
        assert int(response.headers["Retry-After"]) > 0
        assert set(response.json()) == {"detail"}
    return time.monotonic() - start


def require_unaffected(running_product: Product) -> None:
    """Check that no process lets health checks and redirects wait."""
    for _ in range(4):
        with httpx.Client(base_url=running_product.api) as client:
            for path, status in (("/health/live", 200), ("/files/media/1/a.png", 302)):
                assert duration(partial(client.get, path), status) < NO_WAIT_SECONDS


@pytest.mark.covers("F11")
def test_postgresql_hangs(running_product: Product, api_client: ApiClient) -> None:
    assert running_product.stack.postgres is not None

    with paused(running_product.stack.postgres.child):
        first = duration(lambda: api_client.http.post(PRESIGN, json=UPLOAD), 503)
        require_unaffected(running_product)
        second = duration(lambda: api_client.http.post(PRESIGN, json=UPLOAD), 503)

    assert first < HUNG_SECONDS
    assert second < NO_WAIT_SECONDS  # the same connection, so the same process
    require_recovery(lambda: api_client.http.post(PRESIGN, json=UPLOAD))


@pytest.mark.covers("F09", "F15")
def test_store_and_broker_hang(running_product: Product, api_client: ApiClient) -> None:
    assert running_product.stack.seaweed is not None
    assert running_product.stack.valkey is not None
    photo_url = api_client.upload("hung.jpg", b"x" * 100, "image/jpeg")

    def create() -> httpx.Response:
        return api_client.create(name="Hung", cover_image=photo_url)

    with (
        paused(running_product.stack.seaweed.child, running_product.stack.valkey.child),
        ThreadPoolExecutor(CREATIONS) as clients,
    ):
        creations = [clients.submit(create) for _ in range(CREATIONS)]
        with ApiClient.member(running_product) as other:
            assert duration(lambda: other.http.post(PRESIGN, json=UPLOAD), 200) < NO_WAIT_SECONDS
        require_unaffected(running_product)
        assert {creation.result().status_code for creation in creations} == {503}
        durations = [duration(create, 503) for _ in range(4)]
        health_duration = duration(lambda: api_client.http.get("/health/storage"), 503)

    assert max(*durations, health_duration) < NO_WAIT_SECONDS
    require_recovery(lambda: api_client.http.get("/health/storage"))


def require_recovery(send: Callable[[], httpx.Response]) -> None:
    """Wait until both processes have noticed that a service responds again."""
    eventually(
        lambda: {send().status_code for _ in range(8)},
        lambda statuses: statuses == {200},
        within=20,
    )
