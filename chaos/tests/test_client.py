"""What a client repeats, and what is a violation."""

from collections.abc import Iterator
from threading import Event
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from chaos import client as client_module
from chaos.client import RetriesExhaustedError, RetryingClient
from chaos.ledger import Ledger

PERSON = SimpleNamespace(email="member@example.com", password="secret")
PRODUCT: Any = SimpleNamespace(
    users={"member": PERSON}, organization_id="1", api="http://127.0.0.1:1"
)
SIGNED = {"upload_url": "http://127.0.0.1:1/put", "upload_headers": {}, "file_url": "file"}


class Responses:
    """Responds with one status after another, or breaks the connection; then with 200."""

    def __init__(self) -> None:
        self.next: list[int | None] = []
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        status = self.next.pop(0) if self.next else 200
        if status is None:
            raise httpx.ReadError("reset")
        return httpx.Response(status, json={"access_token": "t", "id": "7", **SIGNED})


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def responses() -> Responses:
    return Responses()


@pytest.fixture
def client(
    ledger: Ledger, responses: Responses, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RetryingClient]:
    def connect(**options: Any) -> httpx.Client:
        return original(**options, transport=httpx.MockTransport(responses))

    original = httpx.Client
    monkeypatch.setattr(httpx, "Client", connect)
    monkeypatch.setattr(client_module, "MAX_DELAY_SECONDS", 0.0)
    with RetryingClient(PRODUCT, ledger, seed=1, stop_retrying=Event()) as client:
        responses.requests.clear()
        yield client


def test_an_outage_is_repeated_with_the_same_key(
    client: RetryingClient, responses: Responses, ledger: Ledger
) -> None:
    responses.next = [503, None, 409, 429, 201]

    assert client.create_product(name="a") == "7"

    assert len({request.headers["Idempotency-Key"] for request in responses.requests}) == 1
    assert len(responses.requests) == 5
    assert ledger.problems == []
    assert ledger.outcomes["create: ReadError"] == 1


@pytest.mark.parametrize("status", [500, 502, 422, 404, 401])
def test_other_errors_of_the_product_are_violations(
    client: RetryingClient, responses: Responses, ledger: Ledger, status: int
) -> None:
    responses.next = [status]

    with pytest.raises(RetriesExhaustedError):
        client.create_product(name="a")

    assert [problem[:11] for problem in ledger.problems] == [f"create: {status}"]
    assert len(responses.requests) == 1


def test_a_deletion_whose_response_was_lost_has_been_done(
    client: RetryingClient, responses: Responses, ledger: Ledger
) -> None:
    responses.next = [None, 404]

    client.delete_product("7")

    assert ledger.problems == []


def test_a_missing_product_to_delete_is_a_violation(
    client: RetryingClient, responses: Responses, ledger: Ledger
) -> None:
    responses.next = [404]

    with pytest.raises(RetriesExhaustedError):
        client.delete_product("7")

    assert [problem[:11] for problem in ledger.problems] == ["delete: 404"]


@pytest.mark.parametrize("operation", ["export", "batch", "attach"])
def test_exports_and_batches_are_repeated_with_the_same_key(
    client: RetryingClient, responses: Responses, operation: str
) -> None:
    responses.next = [None, 503]

    match operation:
        case "export":
            client.export_products(["7"])
        case "batch":
            client.create_photo_batch(name="a", files=[])
        case _:
            client.attach_photo_batch("7")

    assert len(responses.requests) == 3
    assert len({request.headers["Idempotency-Key"] for request in responses.requests}) == 1


def test_any_server_error_of_the_store_is_an_outage(
    client: RetryingClient, responses: Responses, ledger: Ledger
) -> None:
    responses.next = [200, 500, 503, 200]

    assert client.upload(b"photo") == "file"

    assert ledger.uploads == 1


def test_a_refusal_of_the_store_is_a_violation(
    client: RetryingClient, responses: Responses, ledger: Ledger
) -> None:
    responses.next = [200, 403]

    with pytest.raises(RetriesExhaustedError):
        client.upload(b"photo")

    assert ledger.uploads == 0
    assert len(ledger.problems) == 1
