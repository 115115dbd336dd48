"""The uploads of the demo: upload every photo of samples/photos, create a product, download."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx

from devstack.demo.client import DemoClient, require
from devstack.product import Person

CONTENT_TYPES = {
    ".avif": "image/avif",
    ".gif": "image/gif",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
}
READY_SECONDS = 120
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Photo:
    """A photo: its file, its hash and its upload URL."""

    path: Path
    sha256: str
    file_url: str


@dataclass(frozen=True)
class PhotoResults:
    """The product created from the photos."""

    product: dict[str, Any]
    photos: Sequence[Photo]

    @property
    def media(self) -> dict[str, dict[str, Any]]:
        """The attached image of each photo, by file name."""
        pairs = zip(self.photos, images_of(self.product), strict=True)
        return {photo.path.name: image for photo, image in pairs}

    @property
    def summary(self) -> str:
        """The number of photos uploaded and stored."""
        size = sum(photo.path.stat().st_size for photo in self.photos) / MEGABYTE
        stored = len({image["resource_id"] for image in images_of(self.product)})
        return f"{len(self.photos)} photos ({size:.1f} MB) uploaded, {stored} stored"


def run_steps(client: DemoClient, *, person: Person, paths: Sequence[Path]) -> PhotoResults:
    """Run every step; raise `DevstackError` at the first unexpected result."""
    _sign_in(client, person)
    photos = [_upload(client, path) for path in paths]
    product = _await_media(client, _create_product(client, photos))
    _show_deduplication(client, photos, product)
    _download(client, photos, product)
    return PhotoResults(product=product, photos=photos)


def _sign_in(client: DemoClient, person: Person) -> None:
    form = {"username": person.email, "password": person.password}
    with client.step("Sign in") as report:
        response = client.call("POST", "/api/v1/login/access-token", data=form)
        client.api.headers["Authorization"] = f"Bearer {response['access_token']}"
        report(f"{person.email} has a token for {response['expires_in']} s")


def _upload(client: DemoClient, path: Path) -> Photo:
    body = path.read_bytes()
    payload = {
        "filename": path.name,
        "content_type": CONTENT_TYPES[path.suffix],
        "file_size": len(body),
        "organization_id": client.organization_id,
    }
    with client.step(f"Upload {path.name}") as report:
        ticket = client.call("POST", "/api/v1/uploads/presigned-url", json=payload)
        response = client.store.put(
            ticket["upload_url"], content=body, headers=ticket["upload_headers"]
        )
        require(response.is_success, f"the store returned {response.status_code} for {path.name}")
        report(f"{len(body) / MEGABYTE:.1f} MB to {httpx.URL(ticket['file_url']).path}")
    digest = hashlib.sha256(body).hexdigest()
    return Photo(path=path, sha256=digest, file_url=ticket["file_url"])


def _create_product(client: DemoClient, uploaded: Sequence[Photo]) -> dict[str, Any]:
    payload = {
        "name": "Autumn/Winter 26",
        "brand": "Sartiq",
        "cover_image": uploaded[0].file_url,
        "images": [photo.file_url for photo in uploaded[1:]],
    }
    with client.step("Create the product") as report:
        product = client.call(
            "POST", "/api/v1/products/", json=payload, params=client.organization_query
        )
        statuses = [image["status"] for image in images_of(product)]
        require(len(statuses) == len(uploaded), f"the product has {len(statuses)} images")
        report(f"product {product['id']} with {len(statuses)} images")
    return product


def _await_media(client: DemoClient, product: dict[str, Any]) -> dict[str, Any]:
    with client.step("Wait for the worker to verify every image") as report:
        product = client.poll_until(
            f"/api/v1/products/{product['id']}",
            lambda body: all(image["status"] != "pending" for image in images_of(body)),
            seconds=READY_SECONDS,
        )
        failed = [image for image in images_of(product) if image["status"] != "ready"]
        require(not failed, f"not ready: {failed}")
        sizes = {f"{image['width']}x{image['height']}" for image in images_of(product)}
        report(f"all ready, with the sizes {', '.join(sorted(sizes))}")
    return product


def _show_deduplication(
    client: DemoClient, photos: Sequence[Photo], product: dict[str, Any]
) -> None:
    resources = defaultdict(set)
    names = defaultdict(list)
    for photo, image in zip(photos, images_of(product), strict=True):
        resources[photo.sha256].add(image["resource_id"])
        names[photo.sha256].append(photo.path.name)
    with client.step("Check that duplicates are stored once") as report:
        require(all(len(ids) == 1 for ids in resources.values()), "a duplicate was stored twice")
        resource_ids = {resource_id for ids in resources.values() for resource_id in ids}
        require(len(resource_ids) == len(resources), "different files share one resource")
        duplicates = [" = ".join(group) for group in names.values() if len(group) > 1]
        require(bool(duplicates), "the samples contain no duplicate")
        report(f"{len(resource_ids)} of {len(photos)} files stored; equal: {'; '.join(duplicates)}")


def _download(client: DemoClient, photos: Sequence[Photo], product: dict[str, Any]) -> None:
    for photo, image in zip(photos, images_of(product), strict=True):
        url_path = httpx.URL(image["url"]).path
        path = "/files" + url_path[url_path.index("/media/") :]
        with client.step(f"Download {path}") as report:
            redirect = client.api.get(path)
            require(
                redirect.status_code == HTTPStatus.FOUND,
                f"{path} returned {redirect.status_code}",
            )
            response = client.store.get(redirect.headers["Location"])
            digest = hashlib.sha256(response.content).hexdigest()
            message = f"{path} ({response.status_code}) differs from the uploaded file"
            require(digest == photo.sha256, message)
            megabytes = len(response.content) / MEGABYTE
            report(f"302, then {megabytes:.1f} MB with the SHA-256 of the uploaded file")


def images_of(product: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the cover and the images of a product, in order."""
    return [product["cover_image"], *product["images"]]
