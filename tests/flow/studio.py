"""A client of the product as a studio would write one: nothing but HTTP."""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

import httpx

from devstack.product import Person, Product

PHOTOS = Path(__file__).resolve().parents[2] / "samples" / "photos"
RECOVERY_SECONDS = 60.0  # the product's own promise


class Served(Protocol):
    """A running product, however it was started."""

    api: str


class Studio:
    """One signed-in user of a running product."""

    def __init__(self, product: Served, person: Person, organization_id: str | None) -> None:
        self.http = httpx.Client(base_url=product.api, timeout=30)
        self.scope = {"organization_id": organization_id} if organization_id else {}
        response = self.http.post(
            "/api/v1/login/access-token",
            data={"username": person.email, "password": person.password},
        )
        response.raise_for_status()
        self.http.headers["Authorization"] = f"Bearer {response.json()['access_token']}"

    @classmethod
    def member(cls, product: Product) -> Self:
        """Sign the organization's member in."""
        return cls(product, product.users["member"], product.organization_id)

    @classmethod
    def outsider(cls, product: Product) -> Self:
        """Sign somebody of another organization in, working for themselves."""
        return cls(product, product.users["outsider"], None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def reaches_the_web(self) -> bool:
        """Return whether a web process answers (one that was killed is replaced after a moment)."""
        try:
            return self.http.get("/health/ready").status_code == 200
        except httpx.TransportError:
            return False

    def presign(self, name: str, content_type: str, size: int | None = None) -> dict[str, Any]:
        """Ask for an upload."""
        payload = {"filename": name, "content_type": content_type, "file_size": size}
        response = self.http.post("/api/v1/uploads/presigned-url", json=payload)
        assert response.status_code == 200, response.text
        signed: dict[str, Any] = response.json()
        return signed

    def upload(self, name: str, body: bytes, content_type: str) -> str:
        """Presign, put, and return the address to hand to an entity."""
        signed = self.presign(name, content_type, len(body))
        upload = httpx.put(
            signed["upload_url"], content=body, headers=signed["upload_headers"], timeout=30
        )
        assert upload.status_code in {200, 201, 204}, upload.text
        return str(signed["file_url"])

    def create(self, *, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
        """Create a product."""
        return self.http.post("/api/v1/products/", params=self.scope, json=fields, headers=headers)

    def create_product(self, **fields: Any) -> dict[str, Any]:
        """Create a product that must be accepted."""
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
        """Return the product once none of its files is pending."""
        product: dict[str, Any] = eventually(
            lambda: self.read(product_id),
            lambda product: all(image["status"] != "pending" for image in media_of(product)),
            within=within,
        )
        return product

    def download(self, media: dict[str, Any]) -> httpx.Response:
        """Follow `/files/…` to the bytes of one ready file."""
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
    """Return every file a product shows."""
    single = [product[slot] for slot in ("cover_image", "back_image") if product[slot]]
    return [*single, *product["images"]]


def photo(name: str) -> bytes:
    """Return the bytes of a sample photo."""
    return (PHOTOS / name).read_bytes()


def sha256(body: bytes) -> str:
    """Return the SHA-256 of some bytes in hex."""
    return hashlib.sha256(body).hexdigest()


def is_gone(url: str) -> bool:
    """Return whether a public object is not there any more."""
    return httpx.head(url).status_code == 404


def eventually(
    look: Callable[[], Any], wanted: Callable[[Any], bool], *, within: float = RECOVERY_SECONDS
) -> Any:
    """Look again and again until what is seen is wanted; fail with the last sight."""
    ends = time.monotonic() + within
    while True:
        value = look()
        if wanted(value):
            return value
        assert time.monotonic() < ends, f"still not as wanted after {within} s: {value}"
        time.sleep(0.1)
