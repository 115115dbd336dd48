"""One member of the organization: a client, and what it has created so far."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from chaos.client import RetryingClient
from chaos.ledger import ExpectedProduct, Ledger, Slot
from chaos.load.photos import Photos

REPEATED_PHOTO: Final = 5  # every fifth photo is one that the member has uploaded before


@dataclass
class Member:
    """One client: what it does depends on its name and on its seed only.

    `products` are its live products; those of photo batches are not among them.
    """

    api: RetryingClient
    ledger: Ledger
    photos: Photos
    name: str
    random: random.Random
    uploaded: list[str] = field(default_factory=list)
    products: list[ExpectedProduct] = field(default_factory=list)

    def text(self, new: str) -> str:
        """Return the text of a photo, sometimes of one that was uploaded before."""
        if not self.random.randrange(REPEATED_PHOTO):
            return self.known_text(new)
        self.uploaded.append(new)
        return new

    def known_text(self, new: str) -> str:
        """Return the text of a photo that was uploaded before, or a new one if there is none."""
        if not self.uploaded:
            self.uploaded.append(new)
        return self.random.choice(self.uploaded)

    def upload(self, texts: Mapping[Slot, str]) -> dict[Slot, str]:
        """Upload photos and return their URLs by slot."""
        return {slot: self.api.upload(self.photos(text)) for slot, text in texts.items()}

    def create(self, name: str, texts: Mapping[Slot, str], *, sku: str | None = None) -> str:
        """Create a product with photos; return its id."""
        return self.api.create_product(name=name, sku=sku, **image_fields(self.upload(texts)))

    def expect(self, product_id: str, name: str, texts: Mapping[Slot, str]) -> ExpectedProduct:
        """Return a product with the SHA-256 of its photos."""
        digests = {slot: self.photos.digest(text) for slot, text in texts.items()}
        return ExpectedProduct(product_id, name, digests)


def image_fields(urls: Mapping[Slot, str]) -> dict[str, str | list[str]]:
    """Return the image fields of a product."""
    fields: dict[str, str | list[str]] = {}
    for (name, position), url in urls.items():
        if position is None:
            fields[name] = url
        else:
            fields[name] = [*fields.get(name, []), url]
    return fields
