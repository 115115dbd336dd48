"""A client that repeats its requests as clients should, until the product has accepted them."""

import random
import time
from collections.abc import Callable
from threading import Event
from types import TracebackType
from typing import Any, Final, Self

import httpx

from chaos.ledger import Ledger
from devstack.product import Product

GIVE_UP_SECONDS: Final = 150.0
REQUEST_SECONDS: Final = 20.0
MAX_DELAY_SECONDS: Final = 3.0
REPEATED: Final = {
    httpx.codes.SERVICE_UNAVAILABLE,
    httpx.codes.TOO_MANY_REQUESTS,
    httpx.codes.CONFLICT,  # the first request with this Idempotency-Key is still running
}
API: Final = "/api/v1"


class RetriesExhaustedError(Exception):
    """Raised when a request was rejected, or not accepted for too long; it has been recorded."""


class RetryingClient:
    """A member of the organization, who repeats a request until it succeeds.

    Once `stop_retrying` is set, it gives up.
    """

    def __init__(
        self, product: Product, ledger: Ledger, *, seed: int, stop_retrying: Event
    ) -> None:
        person = product.users["member"]
        self._ledger = ledger
        self._stop_retrying = stop_retrying
        self._random = random.Random(seed)  # noqa: S311  no secret
        self._owner = {"organization_id": product.organization_id}
        self._store = httpx.Client(timeout=REQUEST_SECONDS)
        self._api = httpx.Client(base_url=product.api, timeout=REQUEST_SECONDS)
        signed_in = self._repeat(
            "sign in",
            lambda: self._api.post(
                f"{API}/login/access-token",
                data={"username": person.email, "password": person.password},
            ),
        )
        self._api.headers["Authorization"] = f"Bearer {signed_in.json()['access_token']}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._api.close()
        self._store.close()

    def upload(self, body: bytes) -> str:
        """Upload a JPEG and return its URL."""
        payload = {"filename": "photo.jpg", "content_type": "image/jpeg", "file_size": len(body)}
        ticket = self._repeat(
            "presign", lambda: self._api.post(f"{API}/uploads/presigned-url", json=payload)
        ).json()
        self.put(ticket, body)
        return str(ticket["file_url"])

    def put(self, ticket: dict[str, Any], body: bytes) -> None:
        """Send a photo to the URL of an upload ticket."""
        self._repeat(
            "put",
            lambda: self._store.put(
                ticket["upload_url"], content=body, headers=ticket["upload_headers"]
            ),
            is_store=True,
        )
        self._ledger.add_upload()

    def create_product(self, **fields: Any) -> str:
        """Create a product and return its id."""
        headers = self._idempotency_key()
        response = self._repeat(
            "create",
            lambda: self._api.post(
                f"{API}/products/", params=self._owner, json=fields, headers=headers
            ),
        )
        return str(response.json()["id"])

    def change_product(self, product_id: str, **fields: Any) -> None:
        """Change fields of a product."""
        self._repeat("change", lambda: self._api.patch(f"{API}/products/{product_id}", json=fields))

    def delete_product(self, product_id: str) -> None:
        """Delete a product; if the response was lost, the repeated request does not find it."""
        self._repeat(
            "delete",
            lambda: self._api.delete(f"{API}/products/{product_id}"),
            done_before=httpx.codes.NOT_FOUND,
        )

    def restore_product(self, product_id: str) -> None:
        """Restore a deleted product."""
        self._repeat("restore", lambda: self._api.post(f"{API}/products/{product_id}/restore"))

    def export_products(self, product_ids: list[str]) -> str:
        """Export products and return the id of the export."""
        headers, payload = self._idempotency_key(), {"product_ids": product_ids}
        response = self._repeat(
            "export", lambda: self._api.post(f"{API}/exports/", json=payload, headers=headers)
        )
        return str(response.json()["id"])

    def create_photo_batch(self, **fields: Any) -> dict[str, Any]:
        """Create a photo batch and return it, with the tickets of its files."""
        headers, payload = self._idempotency_key(), {**self._owner, **fields}
        response = self._repeat(
            "batch", lambda: self._api.post(f"{API}/photo-batches/", json=payload, headers=headers)
        )
        batch: dict[str, Any] = response.json()
        return batch

    def report_uploaded(self, batch_id: str, file_ids: list[str]) -> None:
        """Report that files of a photo batch were sent."""
        url, payload = f"{API}/photo-batches/{batch_id}/uploaded", {"file_ids": file_ids}
        self._repeat("uploaded", lambda: self._api.post(url, json=payload))

    def attach_photo_batch(self, batch_id: str) -> None:
        """Have the files of a photo batch attached."""
        url, headers = f"{API}/photo-batches/{batch_id}/attach", self._idempotency_key()
        self._repeat("attach", lambda: self._api.post(url, headers=headers))

    def import_table(self, filename: str, body: bytes) -> str:
        """Send a table and return the id of its import."""
        headers = self._idempotency_key()
        response = self._repeat(
            "import",
            lambda: self._api.post(
                f"{API}/bulk-upload/",
                files={"file": (filename, body, "text/csv")},
                data=self._owner,
                headers=headers,
            ),
        )
        return str(response.json()["id"])

    def _idempotency_key(self) -> dict[str, str]:
        return {"Idempotency-Key": f"chaos-{self._random.getrandbits(96):024x}"}

    def _repeat(
        self,
        what: str,
        send: Callable[[], httpx.Response],
        *,
        is_store: bool = False,
        done_before: int | None = None,
    ) -> httpx.Response:
        """Send a request until it succeeds; raises RetriesExhaustedError.

        `done_before` is the status of a repeated request if an earlier one had succeeded.
        """
        started_at = time.monotonic()
        attempt = 0
        while time.monotonic() - started_at < GIVE_UP_SECONDS and not self._stop_retrying.is_set():
            attempt += 1
            response = self._send(what, send)
            if response is not None and (
                response.is_success or (attempt > 1 and response.status_code == done_before)
            ):
                self._ledger.add_wait(time.monotonic() - started_at)
                return response
            if response is not None and not _may_be_repeated(response, is_store=is_store):
                self._give_up(f"{what}: {response.status_code} {response.text[:200]}")
            self._stop_retrying.wait(self._delay(attempt, response))
        return self._give_up(f"{what}: not accepted after {time.monotonic() - started_at:.0f} s")

    def _send(self, what: str, send: Callable[[], httpx.Response]) -> httpx.Response | None:
        try:
            response = send()
        except httpx.TransportError as error:
            self._ledger.add_outcome(f"{what}: {type(error).__name__}")
            return None
        self._ledger.add_outcome(f"{what}: {response.status_code}")
        return response

    def _delay(self, attempt: int, response: httpx.Response | None) -> float:
        """Return the pause before the next attempt: what the server asked for, or a growing one."""
        seconds = 0.1 * 2.0 ** min(attempt, 10)
        if response is not None and "Retry-After" in response.headers:
            seconds = float(response.headers["Retry-After"])
        return min(seconds, MAX_DELAY_SECONDS) * self._random.uniform(0.5, 1.0)

    def _give_up(self, problem: str) -> httpx.Response:
        self._ledger.add_problem(problem)
        raise RetriesExhaustedError(problem)


def _may_be_repeated(response: httpx.Response, *, is_store: bool) -> bool:
    """Return whether a client repeats a request after this response.

    Any 5xx of a store is an outage; of the product only 503 is, any other one is a defect.
    """
    return response.status_code in REPEATED or (is_store and response.is_server_error)
