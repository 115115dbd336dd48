"""The steps of the demo: sign in, upload, create a product, wait, deduplicate, download."""

import hashlib
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from devstack.processes import DevstackError
from devstack.product import Person

CONTENT_TYPES = {
    ".avif": "image/avif",
    ".gif": "image/gif",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
}
READY_SECONDS = 120
POLL_SECONDS = 0.25
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Photo:
    """A photo on its way: where it lies, what it hashes to, where it was uploaded."""

    path: Path
    sha256: str
    file_url: str


class Story:
    """Drives one running product over HTTP, says what it sent and what came back."""

    def __init__(self, *, client: httpx.Client, console: Console, organization_id: str) -> None:
        self._client = client
        self._console = console
        self._organization_id = organization_id
        self._store = httpx.Client(timeout=client.timeout)  # without our token

    def tell(self, *, person: Person, photos: Sequence[Path]) -> None:
        """Run every step; raise `DevstackError` at the first thing that is not as promised."""
        began = time.monotonic()
        with self._store:
            self._sign_in(person)
            uploaded = [self._upload(path) for path in photos]
            product = self._await_media(self._create_product(uploaded))
            self._show_deduplication(uploaded, product)
            self._download(uploaded, product)
        self._say_summary(uploaded, product, seconds=time.monotonic() - began)

    def _sign_in(self, person: Person) -> None:
        form = {"username": person.email, "password": person.password}
        with self._step("Sign in") as say:
            answer = self._call("POST", "/api/v1/login/access-token", data=form)
            self._client.headers["Authorization"] = f"Bearer {answer['access_token']}"
            say(f"{person.email} holds a token for {answer['expires_in']} s")

    def _upload(self, path: Path) -> Photo:
        body = path.read_bytes()
        asked = {
            "filename": path.name,
            "content_type": CONTENT_TYPES[path.suffix],
            "file_size": len(body),
            "organization_id": self._organization_id,
        }
        with self._step(f"Upload {path.name}") as say:
            ticket = self._call("POST", "/api/v1/uploads/presigned-url", json=asked)
            sent = self._store.put(
                ticket["upload_url"], content=body, headers=ticket["upload_headers"]
            )
            require(sent.is_success, f"the store answered {sent.status_code} to {path.name}")
            say(f"{len(body) / MEGABYTE:.1f} MB to {httpx.URL(ticket['file_url']).path}")
        digest = hashlib.sha256(body).hexdigest()
        return Photo(path=path, sha256=digest, file_url=ticket["file_url"])

    def _create_product(self, uploaded: Sequence[Photo]) -> dict[str, Any]:
        asked = {
            "name": "Autumn/Winter 26",
            "brand": "Sartiq",
            "cover_image": uploaded[0].file_url,
            "images": [photo.file_url for photo in uploaded[1:]],
        }
        with self._step("Create the product") as say:
            made = self._call("POST", "/api/v1/products/", json=asked, params=self._in_organization)
            statuses = [medium["status"] for medium in media_of(made)]
            require(len(statuses) == len(uploaded), f"{len(statuses)} images came back")
            say(f"product {made['id']} with {len(statuses)} images")
        return made

    def _await_media(self, product: dict[str, Any]) -> dict[str, Any]:
        deadline = time.monotonic() + READY_SECONDS
        with self._step("Wait for the worker to verify every image") as say:
            while any(medium["status"] == "pending" for medium in media_of(product)):
                require(time.monotonic() < deadline, f"still pending after {READY_SECONDS} s")
                time.sleep(POLL_SECONDS)
                product = self._call("GET", f"/api/v1/products/{product['id']}")
            bad = [medium for medium in media_of(product) if medium["status"] != "ready"]
            require(not bad, f"not ready: {bad}")
            sizes = {f"{medium['width']}x{medium['height']}" for medium in media_of(product)}
            say(f"all ready, measured as {', '.join(sorted(sizes))}")
        return product

    def _show_deduplication(self, uploaded: Sequence[Photo], product: dict[str, Any]) -> None:
        resources = defaultdict(set)
        names = defaultdict(list)
        for photo, medium in zip(uploaded, media_of(product), strict=True):
            resources[photo.sha256].add(medium["resource_id"])
            names[photo.sha256].append(photo.path.name)
        with self._step("Compare files with what is kept") as say:
            require(all(len(ids) == 1 for ids in resources.values()), "a duplicate was kept twice")
            kept = {resource for ids in resources.values() for resource in ids}
            require(len(kept) == len(resources), "different files share one resource")
            twins = [" = ".join(same) for same in names.values() if len(same) > 1]
            require(bool(twins), "the samples hold no duplicate")
            say(f"{len(uploaded)} files, {len(kept)} kept: {'; '.join(twins)}")

    def _download(self, uploaded: Sequence[Photo], product: dict[str, Any]) -> None:
        for photo, medium in zip(uploaded, media_of(product), strict=True):
            place = httpx.URL(medium["url"]).path
            path = "/files" + place[place.index("/media/") :]
            with self._step(f"Download {path}") as say:
                redirect = self._client.get(path)
                require(
                    redirect.status_code == HTTPStatus.FOUND,
                    f"{path} answered {redirect.status_code}",
                )
                got = self._store.get(redirect.headers["Location"])
                digest = hashlib.sha256(got.content).hexdigest()
                require(digest == photo.sha256, f"{path} ({got.status_code}) has other bytes")
                say(
                    f"302, then {len(got.content) / MEGABYTE:.1f} MB, sha256 {digest[:12]}… as sent"
                )

    @property
    def _in_organization(self) -> dict[str, str]:
        return {"organization_id": self._organization_id}

    def _call(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        response = self._client.request(method, path, **arguments)
        require(
            response.is_success, f"{method} {path}: {response.status_code} {response.text[:500]}"
        )
        answer: dict[str, Any] = response.json()
        return answer

    @contextmanager
    def _step(self, name: str) -> Iterator[Any]:
        began = time.monotonic()
        said: list[str] = []
        yield said.append
        took = time.monotonic() - began
        self._console.print(f"[bold]{name}[/bold]  [dim]{took:.2f} s[/dim]", soft_wrap=True)
        for line in said:
            self._console.print(f"    {line}", soft_wrap=True)

    def _say_summary(
        self, uploaded: Sequence[Photo], product: dict[str, Any], *, seconds: float
    ) -> None:
        size = sum(photo.path.stat().st_size for photo in uploaded) / MEGABYTE
        kept = len({medium["resource_id"] for medium in media_of(product)})
        self._console.print(
            f"\n[bold green]Everything as promised[/bold green]: {len(uploaded)} photos "
            f"({size:.1f} MB) up, {kept} kept, all back unchanged, in {seconds:.1f} s.",
            soft_wrap=True,
        )


def media_of(product: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the cover and the images of a product's answer, in order."""
    return [product["cover_image"], *product["images"]]


def require(held: bool, otherwise: str) -> None:  # noqa: FBT001  reads as an assertion
    """Raise `DevstackError` unless what was promised held."""
    if not held:
        raise DevstackError(otherwise)
