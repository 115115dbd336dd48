"""Exports of products."""

from typing import Final

from chaos.ledger import ExpectedExport, ExpectedProduct
from chaos.load import products
from chaos.load.member import Member

MAX_PRODUCTS: Final = 3
SLOTS: Final = ("cover_image", "back_image", "images")  # in the order in which they are exported


def export_products(member: Member, name: str) -> None:
    """Export some of the member's products."""
    products.choose(member, name)
    count = min(MAX_PRODUCTS, len(member.products))
    chosen = member.random.sample(member.products, count)
    export_id = member.api.export_products([product.id for product in chosen])
    digests = [digest for product in chosen for digest in _digests(product)]
    member.ledger.add_export(ExpectedExport(export_id, digests))


def _digests(product: ExpectedProduct) -> list[str]:
    """Return the photos of a product in the order in which they are exported."""
    slots = sorted(product.photos, key=lambda slot: (SLOTS.index(slot[0]), slot[1] or 0))
    return [product.photos[slot] for slot in slots]
