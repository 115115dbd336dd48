"""The load: clients that upload photos, create products, change them and import tables."""

import io
import random
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Event
from typing import Final

from PIL import Image

from chaos.client import GaveUpError, PatientClient
from chaos.ledger import ExpectedImport, ExpectedProduct, Ledger, Slot
from devstack.product import Product

CLIENTS: Final = 6
PHOTO_PIXELS: Final = (320, 240)
IMPORTED_ROWS: Final = 40
IMPORTED_PHOTOS: Final = 2
REPEATED_PHOTO: Final = 5  # every fifth photo is one that the client has uploaded before
GALLERY, CHANGED, TABLE = 6, 8, 9  # of ten operations; the first six create one photo each
OPERATIONS: Final = 10
PHOTOS_OF_TEN: Final = 16


class Photos:
    """Small JPEGs: each text gives other bytes of the same image."""

    def __init__(self) -> None:
        buffer = io.BytesIO()
        Image.effect_noise(PHOTO_PIXELS, 40).convert("RGB").save(buffer, "JPEG", quality=80)
        self._body = buffer.getvalue()

    def __call__(self, text: str) -> bytes:
        """Return the image with this text as a JPEG comment."""
        comment = text.encode()
        segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
        return self._body[:2] + segment + self._body[2:]


@dataclass
class _Client:
    """One client: what it does depends on its number and on its seed only."""

    api: PatientClient
    ledger: Ledger
    photos: Photos
    name: str
    random: random.Random
    uploaded: list[str] = field(default_factory=list)

    def act(self, number: int) -> None:
        """Do the operation with this number."""
        name = f"{self.name} {number}"
        match number % OPERATIONS:
            case kind if kind < GALLERY:
                self._create(name, {("cover_image", None): self._text(name)})
            case kind if kind < CHANGED:
                slots: list[Slot] = [("cover_image", None), ("images", 0), ("images", 1)]
                self._create(name, {slot: self._text(f"{name} {slot}") for slot in slots})
            case kind if kind < TABLE:
                self._create_and_change(name)
            case _:
                self._import(name)

    def _text(self, new: str) -> str:
        """Return the text of a photo, sometimes of one that was uploaded before."""
        if self.uploaded and not self.random.randrange(REPEATED_PHOTO):
            return self.random.choice(self.uploaded)
        self.uploaded.append(new)
        return new

    def _upload(self, text: str) -> tuple[str, str]:
        """Upload a photo; return its URL and its SHA-256."""
        body = self.photos(text)
        return self.api.upload(body), sha256(body).hexdigest()

    def _create(self, name: str, texts: dict[Slot, str]) -> None:
        uploads = {slot: self._upload(text) for slot, text in texts.items()}
        product_id = self.api.create_product(name=name, **_fields(uploads))
        hashes = {slot: digest for slot, (_, digest) in uploads.items()}
        self.ledger.add_product(ExpectedProduct(product_id, name, hashes))

    def _create_and_change(self, name: str) -> None:
        """Create a product with a cover, then replace the cover and add another photo."""
        first, _ = self._upload(self._text(name))
        product_id = self.api.create_product(name=name, cover_image=first)
        slots: list[Slot] = [("cover_image", None), ("back_image", None)]
        uploads = {slot: self._upload(f"{name} {slot}") for slot in slots}
        self.api.change_product(product_id, **_fields(uploads))
        hashes = {slot: digest for slot, (_, digest) in uploads.items()}
        self.ledger.add_product(ExpectedProduct(product_id, name, hashes))

    def _import(self, name: str) -> None:
        prefix = name.replace(" ", "-").upper()
        names = {f"{prefix}-{row}": f"{name} row {row}" for row in range(IMPORTED_ROWS)}
        photos = {
            sku: self._upload(self._text(sku))
            for sku in list(names)[:: IMPORTED_ROWS // IMPORTED_PHOTOS]
        }
        rows = [f"{sku},{text},{photos.get(sku, ('',))[0]}" for sku, text in names.items()]
        table = "\n".join(["sku,name,cover_image", *rows, f"{prefix}-WITHOUT-NAME,,"])
        filename = f"{prefix}.csv"
        job_id = self.api.import_table(filename, table.encode())
        hashes = {sku: digest for sku, (_, digest) in photos.items()}
        self.ledger.add_import(ExpectedImport(job_id, filename, names, hashes, refused_rows=1))


def _fields(uploads: dict[Slot, tuple[str, str]]) -> dict[str, str | list[str]]:
    """Return the image fields of a product."""
    fields: dict[str, str | list[str]] = {}
    for (name, position), (url, _) in uploads.items():
        if position is None:
            fields[name] = url
        else:
            fields.setdefault(name, [])
            fields[name] = [*fields[name], url]
    return fields


class Load:
    """The clients at work; `wait` returns when they have finished what they had begun."""

    def __init__(self, clients: list["Future[None]"], stopping: Event) -> None:
        self._clients = clients
        self._stopping = stopping

    def stop(self) -> None:
        """Let the clients begin nothing new."""
        self._stopping.set()

    @property
    def is_done(self) -> bool:
        """Whether all clients have finished."""
        return all(client.done() for client in self._clients)

    def require_no_crash(self) -> None:
        """Raise the error of a client that has failed by itself."""
        for client in self._clients:
            if client.done():
                client.result()


@contextmanager
def running(
    product: Product, ledger: Ledger, *, uploads: int, seconds: float, seed: int
) -> Iterator[Load]:
    """Run clients that together upload this many photos in this time, if they are not stopped."""
    stopping, abandoned = Event(), Event()
    photos = Photos()
    operations = max(1, round(uploads * OPERATIONS / PHOTOS_OF_TEN / CLIENTS))
    with ThreadPoolExecutor(CLIENTS, thread_name_prefix="client") as pool:
        clients = []
        for number in range(CLIENTS):
            client = _Client(
                PatientClient(product, ledger, seed=seed * CLIENTS + number, abandoned=abandoned),
                ledger,
                photos,
                f"chaos {seed} client {number}",
                random.Random(seed * CLIENTS + number),  # noqa: S311  no secret
            )
            clients.append(pool.submit(_work, client, operations, seconds / operations, stopping))
        try:
            yield Load(clients, stopping)
        finally:
            stopping.set()
            abandoned.set()


def _work(client: _Client, operations: int, interval: float, stopping: Event) -> None:
    """Do operations at equal intervals; after an outage as fast as possible until in time again."""
    started_at = time.monotonic()
    with client.api:
        for number in range(operations):
            pause = started_at + number * interval - time.monotonic()
            if stopping.wait(max(pause, 0)):
                return
            with suppress(GaveUpError):  # the ledger has it
                client.act(number)
