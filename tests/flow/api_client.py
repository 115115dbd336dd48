"""An API client signed in as a member, which uses only HTTP as a customer's client would."""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

import httpx

from devstack.product import Person, Product

PHOTOS = Path(__file__).resolve().parents[2] / "samples" / "photos"
RECOVERY_SECONDS = 60.0  # within which the product promises to recover


class RunningProduct(Protocol):
    """A running product."""

    api: str


class ApiClient:
    """An API client of a running product, signed in as one user.

    `owner_parameters` make a request on behalf of the user's organization, if there is one.
    """

    def __init__(
        self, running_product: RunningProduct, person: Person, organization_id: str | None
    ) -> None:
        self.http = httpx.Client(base_url=running_product.api, timeout=30)
        self.owner_parameters = {"organization_id": organization_id} if organization_id else {}
        response = self.http.post(
            "/api/v1/login/access-token",
            data={"username": person.email, "password": person.password},
        )
        response.raise_for_status()
        self.http.headers["Authorization"] = f"Bearer {response.json()['access_token']}"

    @classmethod
    def member(cls, running_product: Product) -> Self:
        """Return a client signed in as a member of the organization."""
        return cls(
            running_product, running_product.users["member"], running_product.organization_id
        )

    @classmethod
    def outsider(cls, running_product: Product) -> Self:
        """Return a client signed in as another user, without an organization."""
        return cls(running_product, running_product.users["outsider"], None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def is_ready(self) -> bool:
        """Return whether a web process responds; a killed one takes a moment to be replaced."""
        try:
            return self.http.get("/health/ready").status_code == 200
        except httpx.TransportError:
            return False

    def presign(self, name: str, content_type: str, size: int | None = None) -> dict[str, Any]:
        """Request a presigned URL."""
        payload = {"filename": name, "content_type": content_type, "file_size": size}
        response = self.http.post("/api/v1/uploads/presigned-url", json=payload)
        assert response.status_code == 200, response.text
        ticket: dict[str, Any] = response.json()
        return ticket

    def upload(self, name: str, body: bytes, content_type: str) -> str:
        """Upload a file and return the URL to use for it in an entity."""
        ticket = self.presign(name, content_type, len(body))
        upload = httpx.put(
            ticket["upload_url"], content=body, headers=ticket["upload_headers"], timeout=30
        )
        assert upload.status_code in {200, 201, 204}, upload.text
        return str(ticket["file_url"])

    def create(self, *, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
        """Create a product."""
        return self.http.post(
            "/api/v1/products/", params=self.owner_parameters, json=fields, headers=headers
        )

    def create_product(self, **fields: Any) -> dict[str, Any]:
        """Create a product, and fail if it is rejected."""
        response = self.create(**fields)
        assert response.status_code == 201, response.text
        product: dict[str, Any] = response.json()
        return product

    def read(self, product_id: str) -> dict[str, Any]:
        """Read one product."""
        response = self.http.get(f"/api/v1/products/{product_id}")
        assert response.status_code == 200, response.text
        product: dict[str, Any] = response.json()
        return product

    def wait_until_processed(
        self, product_id: str, *, within: float = RECOVERY_SECONDS
    ) -> dict[str, Any]:
        """Wait until none of the product's files is pending, and return the product."""
        product: dict[str, Any] = eventually(
            lambda: self.read(product_id),
            lambda product: all(image["status"] != "pending" for image in media_of(product)),
            within=within,
        )
        return product

    def download(self, media: dict[str, Any]) -> httpx.Response:
        """Download a file that is ready, by the redirect of `/files/…`."""
        key = urlsplit(media["url"]).path.split("/media/")[1]
        redirect = self.http.get(f"/files/media/{key}")
        assert redirect.status_code == 302, redirect.text
        assert "set-cookie" not in redirect.headers
        return httpx.get(redirect.headers["location"])

    def resource(self, resource_id: str) -> dict[str, Any]:
        """Read one media resource."""
        response = self.http.get(f"/api/v1/media-resources/{resource_id}")
        assert response.status_code == 200, response.text
        resource: dict[str, Any] = response.json()
        return resource


def media_of(product: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all images of a product."""
    single = [product[slot] for slot in ("cover_image", "back_image") if product[slot]]
    return [*single, *product["images"]]


def photo(name: str) -> bytes:
    """Return the bytes of a sample photo."""
    return (PHOTOS / name).read_bytes()


def sha256(body: bytes) -> str:
    """Return the SHA-256 hash of a file in hexadecimal."""
    return hashlib.sha256(body).hexdigest()


def is_deleted(url: str) -> bool:
    """Return whether a public object no longer exists."""
    return httpx.head(url).status_code == 404


def eventually(
    read: Callable[[], Any], condition: Callable[[Any], bool], *, within: float = RECOVERY_SECONDS
) -> Any:
    """Read a value until it fulfils the condition, and return it; fail after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        value = read()
        if condition(value):
            return value
        assert time.monotonic() < deadline, f"not fulfilled after {within} s: {value}"
        time.sleep(0.1)
