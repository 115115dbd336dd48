from datetime import datetime, timedelta

import pytest
from django.test import Client

from media.errors import StoreUnavailableError
from media.storage import factory
from media.storage.testing.memory import MemoryStore


class SkewedStore(MemoryStore):
    """A store whose clock differs from ours."""

    def __init__(self, skew: timedelta) -> None:
        super().__init__()
        self.skew = skew

    def clock(self) -> datetime:
        return super().clock() + self.skew


class SilentStore(MemoryStore):
    """A store that does not respond."""

    def clock(self) -> datetime:
        raise StoreUnavailableError


@pytest.mark.covers("T11")
@pytest.mark.parametrize(
    ("seconds", "status"), [(0, "ok"), (59, "ok"), (-59, "ok"), (62, "degraded"), (-62, "degraded")]
)
def test_clock_differences_are_reported(client: Client, seconds: int, status: str) -> None:
    with factory.replaced(public=SkewedStore(timedelta(seconds=seconds))):
        response = client.get("/health/storage")

    assert response.status_code == 200
    assert response.json()["status"] == status
    assert abs(response.json()["clock_drift_seconds"] + seconds) <= 1


def test_a_store_that_does_not_respond_is_a_503(client: Client) -> None:
    with factory.replaced(public=SilentStore()):
        response = client.get("/health/storage")

    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/health/storage"])
def test_health_checks_are_read_only(path: str) -> None:
    response = Client(enforce_csrf_checks=True).post(path)

    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD"
