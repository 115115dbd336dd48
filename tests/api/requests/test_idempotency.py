"""A request repeated with its `Idempotency-Key` is executed once, with one response (F40)."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Event
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import User
from accounts.tests.factories import UserFactory, client_of
from catalog.models import Product
from sartiq.core.http import idempotency
from sartiq.core.models import IdempotencyKey
from sartiq.core.work import crash_points, retention
from tests.api.requests.keyed import PRODUCTS, SHOE, error_detail, post


@pytest.fixture
def user(db: None) -> User:
    return UserFactory.create()


@pytest.mark.covers("F40", "T64")
def test_the_same_request_gets_the_same_response(user: User) -> None:
    first = post(user)

    second = post(user)

    assert first.status_code == second.status_code == 201
    assert second.json() == first.json()
    assert second.headers["Location"] == first.headers["Location"]
    assert second.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert Product.objects.count() == 1


def test_equal_json_with_other_formatting_is_the_same_request(user: User) -> None:
    first = post(user, {"name": "Shoe", "sku": "S-1"})

    second = post(user, {"sku": "S-1", "name": "Shoe"})

    assert second.json() == first.json()


def test_the_path_without_the_last_slash_is_the_same_request(user: User) -> None:
    first = post(user)

    second = post(user, path=PRODUCTS.rstrip("/"))

    assert (second.status_code, second.json()) == (201, first.json())
    assert second.headers["Idempotent-Replayed"] == "true"


@pytest.mark.covers("F40", "T64")
def test_another_body_with_the_same_key_is_rejected(user: User) -> None:
    post(user)

    response = post(user, {"name": "Boot"})

    assert response.status_code == 422
    [issue] = error_detail(response)
    assert issue["loc"] == ["header", "Idempotency-Key"]
    assert issue["type"] == "idempotency_key_reused"
    assert Product.objects.count() == 1


def test_the_same_key_in_another_scope_is_rejected(user: User) -> None:
    organization = client_of(user).post("/api/v1/organizations/", {"name": "Us"}).json()
    post(user)

    response = post(user, path=f"{PRODUCTS}?organization_id={organization['id']}")

    assert response.status_code == 422


@pytest.mark.covers("F40")
def test_keys_of_other_users_and_routes_are_independent(user: User) -> None:
    first = post(user, {"name": "One"})

    second = post(UserFactory.create(), {"name": "One"})
    look = post(user, {"name": "One"}, path="/api/v1/looks/")

    assert [first.status_code, second.status_code, look.status_code] == [201, 201, 201]
    assert first.json()["id"] != second.json()["id"] != look.json()["id"]


@pytest.mark.parametrize("body", [{"name": ""}, {"name": "A", "images": ["https://evil.test/a"]}])
def test_a_rejected_request_does_not_use_up_its_key(user: User, body: dict[str, Any]) -> None:
    rejected_response = post(user, body)

    response = post(user, SHOE)

    assert rejected_response.status_code == 422
    assert response.status_code == 201


def test_a_request_still_running_is_a_conflict(user: User) -> None:
    post(user)
    IdempotencyKey.objects.update(status_code=None, answer=None)

    response = post(user)

    assert response.status_code == 409
    assert error_detail(response) == "A request with this Idempotency-Key is still running."
    assert 1 <= int(response.headers["Retry-After"]) <= 10


def test_a_claim_lasts_ten_seconds(user: User, during_request: list[Callable[[], None]]) -> None:
    remaining_times: list[timedelta] = []

    def record_remaining_time() -> None:
        remaining_times.append(IdempotencyKey.objects.get().locked_until - timezone.now())

    during_request.append(record_remaining_time)
    post(user)

    assert timedelta() < remaining_times[0] <= timedelta(seconds=10)


def test_the_key_of_a_crashed_request_can_be_used_again(user: User) -> None:
    post(user)
    expired_at = timezone.now() - timedelta(seconds=1)
    IdempotencyKey.objects.update(status_code=None, answer=None, locked_until=expired_at)

    response = post(user, {"name": "Boot"})

    assert response.status_code == 201


def test_a_key_is_kept_for_a_day(user: User) -> None:
    first = post(user, {"name": "Boot"})
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=25))

    second = post(user, {"name": "Boot"})

    assert second.json()["id"] != first.json()["id"]


def test_keys_are_deleted_after_a_day(user: User) -> None:
    post(user, {"name": "Old"}, key="old")
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=25))
    post(user, {"name": "New"}, key="new")

    deleted = retention.discard_old_rows(now=timezone.now())

    assert deleted["core.idempotencykey"] == 1
    assert [row.key for row in IdempotencyKey.objects.all()] == ["new"]


@pytest.mark.parametrize("key", ["", "k" * 256, "naïve", "a\tb"])
def test_an_invalid_key_is_rejected_at_its_header(user: User, key: str) -> None:
    response = post(user, key=key)

    assert response.status_code == 422
    [issue] = error_detail(response)
    assert issue["loc"] == ["header", "Idempotency-Key"]
    assert issue["type"] == "idempotency_key"
    assert not Product.objects.exists()


@pytest.fixture
def during_request() -> Iterator[list[Callable[[], None]]]:
    """Yield a list of functions to call, each once, before a request ingests its files."""
    functions: list[Callable[[], None]] = []

    def call_next(point: str) -> None:
        if point == "ingest-started" and functions:
            functions.pop()()

    crash_points.install(call_next)
    yield functions
    crash_points.install(None)


@pytest.mark.covers("F40")
def test_a_request_that_lost_its_lock_creates_nothing(
    user: User, during_request: list[Callable[[], None]]
) -> None:
    repeated_responses: list[Any] = []

    def repeat_after_expiry() -> None:
        expired_at = timezone.now() - timedelta(seconds=1)
        IdempotencyKey.objects.update(locked_until=expired_at)
        repeated_responses.append(post(user, {"name": "Boot"}))

    during_request.append(repeat_after_expiry)
    first = post(user, {"name": "Boot"})

    assert [first.status_code, repeated_responses[0].status_code] == [409, 201]
    assert error_detail(first) == "A request with this Idempotency-Key is still running."
    assert str(Product.objects.get().pk) == repeated_responses[0].json()["id"]
    assert post(user, {"name": "Boot"}).json() == repeated_responses[0].json()


@pytest.mark.django_db(transaction=True)
def test_a_claim_is_renewed_during_the_request(
    during_request: list[Callable[[], None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "RENEWAL_SECONDS", 0.01)
    user, is_renewed = UserFactory.create(), Event()
    now = timezone.now()

    def wait_for_renewal() -> None:
        """Let the claim expire soon, and wait until it is renewed."""
        IdempotencyKey.objects.update(locked_until=now)
        for _ in range(1000):
            if IdempotencyKey.objects.get().locked_until > now + timedelta(seconds=5):
                is_renewed.set()
                break
            is_renewed.wait(0.01)

    during_request.append(wait_for_renewal)
    response = post(user)

    assert is_renewed.is_set()
    assert response.status_code == 201
    assert not [thread for thread in threading.enumerate() if thread.name == "idempotency-key"]


@pytest.fixture
def crash_after_commit() -> Iterator[None]:
    def crash(point: str) -> None:
        if point == "committed":
            raise SystemExit(point)

    crash_points.install(crash)
    yield
    crash_points.install(None)


@pytest.mark.covers("F40")
@pytest.mark.django_db(transaction=True)
def test_a_response_lost_in_a_crash_is_replayed(crash_after_commit: None) -> None:
    user = UserFactory.create()
    with pytest.raises(SystemExit, match="committed"):
        post(user)
    product = Product.objects.get()

    crash_points.install(None)
    response = post(user)

    assert response.status_code == 201
    assert response.json()["id"] == str(product.pk)
    assert response.headers["Idempotent-Replayed"] == "true"


@pytest.mark.covers("F40")
@pytest.mark.django_db(transaction=True)
def test_fifty_concurrent_requests_create_one_product() -> None:
    user = UserFactory.create()
    barrier = Barrier(50)

    def send(_: int) -> tuple[int, str]:
        try:
            client = client_of(user)
            client.raise_request_exception = False
            barrier.wait(timeout=60)
            response = client.post(PRODUCTS, SHOE, headers={"Idempotency-Key": "one"})
            return response.status_code, response.json().get("id", "")
        finally:
            connection.close()

    with ThreadPoolExecutor(50) as pool:
        responses = list(pool.map(send, range(50)))

    product = Product.objects.get()
    assert {status for status, _ in responses} <= {201, 409}
    assert {product_id for status, product_id in responses if status == 201} == {str(product.pk)}
    assert post(user, key="one").json()["id"] == str(product.pk)


@pytest.mark.covers("F40")
@pytest.mark.django_db(transaction=True)
def test_concurrent_invalid_requests_are_never_server_errors() -> None:
    user = UserFactory.create()
    threads, rounds = 8, 12
    barrier = Barrier(threads)
    invalid = {"name": "A", "images": ["https://evil.test/a"]}

    def send(_: int) -> list[int]:
        try:
            statuses = []
            for _round in range(rounds):
                barrier.wait(timeout=60)
                statuses.append(post(user, invalid, key="one").status_code)
            return statuses
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        responses = [status for statuses in pool.map(send, range(threads)) for status in statuses]

    assert len(responses) == threads * rounds
    assert 422 in responses
    assert set(responses) <= {409, 422}
