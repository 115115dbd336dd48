"""The photos of the demo: upload, create a product, wait, deduplicate, download."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx

from devstack.demo.narrator import Narrator, require
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
    """A photo on its way: where it lies, what it hashes to, where it was uploaded."""

    path: Path
    sha256: str
    file_url: str


@dataclass(frozen=True)
class Told:
    """What the photos became: the product that shows them, and their resources by hash."""

    product: dict[str, Any]
    photos: Sequence[Photo]

    @property
    def media(self) -> dict[str, dict[str, Any]]:
        """What is shown of each photo, by its file name."""
        pairs = zip(self.photos, media_of(self.product), strict=True)
        return {photo.path.name: medium for photo, medium in pairs}

    @property
    def summary(self) -> str:
        """How much was sent and how much is kept."""
        size = sum(photo.path.stat().st_size for photo in self.photos) / MEGABYTE
        kept = len({medium["resource_id"] for medium in media_of(self.product)})
        return f"{len(self.photos)} photos ({size:.1f} MB) up, {kept} kept, all back unchanged"


def tell(narrator: Narrator, *, person: Person, photos: Sequence[Path]) -> Told:
    """Run every step; raise `DevstackError` at the first thing that is not as promised."""
    _sign_in(narrator, person)
    uploaded = [_upload(narrator, path) for path in photos]
    product = _await_media(narrator, _create_product(narrator, uploaded))
    _show_deduplication(narrator, uploaded, product)
    _download(narrator, uploaded, product)
    return Told(product=product, photos=uploaded)


def _sign_in(narrator: Narrator, person: Person) -> None:
    form = {"username": person.email, "password": person.password}
    with narrator.step("Sign in") as say:
        answer = narrator.call("POST", "/api/v1/login/access-token", data=form)
        narrator.client.headers["Authorization"] = f"Bearer {answer['access_token']}"
        say(f"{person.email} holds a token for {answer['expires_in']} s")


def _upload(narrator: Narrator, path: Path) -> Photo:
    body = path.read_bytes()
    asked = {
        "filename": path.name,
        "content_type": CONTENT_TYPES[path.suffix],
        "file_size": len(body),
        "organization_id": narrator.organization_id,
    }
    with narrator.step(f"Upload {path.name}") as say:
        ticket = narrator.call("POST", "/api/v1/uploads/presigned-url", json=asked)
        sent = narrator.store.put(
            ticket["upload_url"], content=body, headers=ticket["upload_headers"]
        )
        require(sent.is_success, f"the store answered {sent.status_code} to {path.name}")
        say(f"{len(body) / MEGABYTE:.1f} MB to {httpx.URL(ticket['file_url']).path}")
    digest = hashlib.sha256(body).hexdigest()
    return Photo(path=path, sha256=digest, file_url=ticket["file_url"])


def _create_product(narrator: Narrator, uploaded: Sequence[Photo]) -> dict[str, Any]:
    asked = {
        "name": "Autumn/Winter 26",
        "brand": "Sartiq",
        "cover_image": uploaded[0].file_url,
        "images": [photo.file_url for photo in uploaded[1:]],
    }
    with narrator.step("Create the product") as say:
        made = narrator.call(
            "POST", "/api/v1/products/", json=asked, params=narrator.in_organization
        )
        statuses = [medium["status"] for medium in media_of(made)]
        require(len(statuses) == len(uploaded), f"{len(statuses)} images came back")
        say(f"product {made['id']} with {len(statuses)} images")
    return made


def _await_media(narrator: Narrator, product: dict[str, Any]) -> dict[str, Any]:
    with narrator.step("Wait for the worker to verify every image") as say:
        product = narrator.watch(
            f"/api/v1/products/{product['id']}",
            lambda seen: all(medium["status"] != "pending" for medium in media_of(seen)),
            seconds=READY_SECONDS,
        )
        bad = [medium for medium in media_of(product) if medium["status"] != "ready"]
        require(not bad, f"not ready: {bad}")
        sizes = {f"{medium['width']}x{medium['height']}" for medium in media_of(product)}
        say(f"all ready, measured as {', '.join(sorted(sizes))}")
    return product


def _show_deduplication(
    narrator: Narrator, uploaded: Sequence[Photo], product: dict[str, Any]
) -> None:
    resources = defaultdict(set)
    names = defaultdict(list)
    for photo, medium in zip(uploaded, media_of(product), strict=True):
        resources[photo.sha256].add(medium["resource_id"])
        names[photo.sha256].append(photo.path.name)
    with narrator.step("Compare files with what is kept") as say:
        require(all(len(ids) == 1 for ids in resources.values()), "a duplicate was kept twice")
        kept = {resource for ids in resources.values() for resource in ids}
        require(len(kept) == len(resources), "different files share one resource")
        twins = [" = ".join(same) for same in names.values() if len(same) > 1]
        require(bool(twins), "the samples hold no duplicate")
        say(f"{len(uploaded)} files, {len(kept)} kept: {'; '.join(twins)}")


def _download(narrator: Narrator, uploaded: Sequence[Photo], product: dict[str, Any]) -> None:
    for photo, medium in zip(uploaded, media_of(product), strict=True):
        place = httpx.URL(medium["url"]).path
        path = "/files" + place[place.index("/media/") :]
        with narrator.step(f"Download {path}") as say:
            redirect = narrator.client.get(path)
            require(
                redirect.status_code == HTTPStatus.FOUND,
                f"{path} answered {redirect.status_code}",
            )
            got = narrator.store.get(redirect.headers["Location"])
            digest = hashlib.sha256(got.content).hexdigest()
            require(digest == photo.sha256, f"{path} ({got.status_code}) has other bytes")
            say(f"302, then {len(got.content) / MEGABYTE:.1f} MB, sha256 {digest[:12]}… as sent")


def media_of(product: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the cover and the images of a product's answer, in order."""
    return [product["cover_image"], *product["images"]]
