"""The products of the database, compared with those that were promised."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

from chaos.checker.rows import Rows
from chaos.checker.violations import Violation, doubled, lost
from chaos.ledger import ExpectedProduct, Slot

PRODUCTS: Final = """
    SELECT id::text, name, sku, deleted_at IS NOT NULL AS is_deleted FROM catalog_product
"""
# The attachments of a deleted product are deleted with it.
ATTACHMENTS: Final = """
    SELECT
        attachment.entity_id::text, attachment.slot, attachment.position, resource.content_hash,
        attachment.entity_deleted_at IS NOT NULL AS is_deleted
    FROM media_attachment AS attachment
    JOIN media_mediaresource AS resource ON resource.id = attachment.resource_id
    WHERE resource.status <> 'FAILED' AND resource.deleted_at IS NULL
"""


@dataclass(frozen=True)
class StoredProduct:
    """A product with the SHA-256 of the photo in each slot."""

    id: str
    name: str
    sku: str | None
    is_deleted: bool
    photos: list[tuple[Slot, str]] = field(default_factory=list)


def stored_products(rows: Rows) -> dict[str, StoredProduct]:
    """Return all products by id, deleted ones too."""
    products = {row["id"]: StoredProduct(**row) for row in rows(PRODUCTS)}
    for row in rows(ATTACHMENTS):
        product = products.get(row["entity_id"])
        if product is not None and product.is_deleted == row["is_deleted"]:
            product.photos.append(((row["slot"], row["position"]), row["content_hash"]))
    return products


def compare_products(
    expected: Iterable[ExpectedProduct],
    stored: Mapping[str, StoredProduct],
    *,
    deleted: AbstractSet[str] = frozenset(),
) -> Iterator[Violation]:
    """Yield what differs from the promised products, of which some were deleted by clients."""
    for product in expected:
        row = stored.get(product.id)
        if row is None or row.name != product.name:
            yield lost(f"product {product.id} {product.name}")
            continue
        if row.is_deleted and product.id not in deleted:
            yield lost(f"product {product.id} {product.name} is in the trash")
        elif not row.is_deleted and product.id in deleted:
            yield lost(f"deletion of product {product.id} {product.name}")
        yield from compare_photos(row, product.photos)


def compare_photos(product: StoredProduct, expected: Mapping[Slot, str]) -> Iterator[Violation]:
    """Yield the photos of a product that are missing, and those that are too many."""
    wanted, found = Counter(expected.items()), Counter(product.photos)
    owner = product.sku or product.name
    for slot, _ in (wanted - found).elements():
        yield lost(f"photo {_place(slot)} of {owner} is not in its place")
    for slot, _ in (found - wanted).elements():
        yield doubled(f"photo {_place(slot)} of {owner} is there in addition")


def _place(slot: Slot) -> str:
    name, position = slot
    return name if position is None else f"{name}[{position}]"
