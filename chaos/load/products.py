"""Products that are created, changed, deleted and restored."""

from chaos.ledger import ExpectedProduct, Slot
from chaos.load.member import Member, image_fields

COVER: Slot = ("cover_image", None)
BACK: Slot = ("back_image", None)


def create_single(member: Member, name: str) -> None:
    """Create a product with one photo."""
    _create(member, name, [COVER])


def create_gallery(member: Member, name: str) -> None:
    """Create a product with three photos."""
    _create(member, name, [COVER, ("images", 0), ("images", 1)])


def create_and_change(member: Member, name: str) -> None:
    """Create a product with a cover, then replace the cover and add another photo."""
    product_id = member.create(name, {COVER: member.text(name)})
    texts = {slot: f"{name} {slot}" for slot in (COVER, BACK)}
    member.api.change_product(product_id, **image_fields(member.upload(texts)))
    _save(member, member.expect(product_id, name, texts))


def delete(member: Member, name: str) -> None:
    """Delete one of the member's products."""
    product = choose(member, name)
    member.products.remove(product)
    member.api.delete_product(product.id)
    member.ledger.add_deleted(product.id)


def delete_and_restore(member: Member, name: str) -> None:
    """Delete one of the member's products and restore it."""
    product = choose(member, name)
    member.api.delete_product(product.id)
    member.api.restore_product(product.id)
    member.ledger.add_restored()


def choose(member: Member, name: str) -> ExpectedProduct:
    """Return one of the member's live products, a new one if there is none."""
    if not member.products:
        create_single(member, name)
    return member.random.choice(member.products)


def _create(member: Member, name: str, slots: list[Slot]) -> None:
    texts = {slot: member.text(f"{name} {slot}") for slot in slots}
    product_id = member.create(name, texts)
    _save(member, member.expect(product_id, name, texts))


def _save(member: Member, product: ExpectedProduct) -> None:
    member.products.append(product)
    member.ledger.add_product(product)
