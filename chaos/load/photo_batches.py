"""Photo batches: files that are named after products and attached in the background."""

from collections.abc import Mapping
from typing import Any, Final

from chaos.ledger import ExpectedBatch, Slot
from chaos.load.member import Member
from chaos.load.products import BACK, COVER

FIRST: Final[Slot] = ("images", 0)
SECOND: Final[Slot] = ("images", 1)
# The files by the words after the SKU, and the slots in which they must be.
SHOE: Final[Mapping[str, Slot]] = {"front": COVER, "back": BACK, "2": FIRST, "3": SECOND}
BAG: Final[Mapping[str, Slot]] = {"front": COVER}


def append(member: Member, name: str) -> None:
    """Append photos to products, one of them to a slot that is occupied."""
    _attach(member, name, existing=[COVER], is_append=True)


def replace(member: Member, name: str) -> None:
    """Replace the photos of products."""
    _attach(member, name, existing=[COVER, FIRST], is_append=False)


def _attach(member: Member, name: str, *, existing: list[Slot], is_append: bool) -> None:
    """Send a batch for two new products, of which the first has photos.

    One photo of the first product has known bytes, another one is the second product's too, and one
    file belongs to no product.
    """
    shoe, bag = (f"BATCH {name} {kind}".replace(" ", "-").upper() for kind in ("shoe", "bag"))
    before = {slot: member.text(f"{shoe} {slot} before") for slot in existing}
    texts = {
        **{f"{shoe}_{word}.jpg": f"{shoe} {word}" for word in SHOE},
        f"{shoe}_2.jpg": member.known_text(f"{shoe} 2"),
        f"{bag}_front.jpg": f"{shoe} 3",
        f"nothing {name}.jpg": f"{name} nothing",
    }
    shoe_id = member.create(shoe, before, sku=shoe)
    bag_id = member.create(bag, {}, sku=bag)
    refused = {f"nothing {name}.jpg": "no_product"}
    attached = {slot: texts[f"{shoe}_{word}.jpg"] for word, slot in SHOE.items()}
    if is_append:
        refused[f"{shoe}_front.jpg"] = "slot_occupied"
        attached |= before
    batch_id = _send(member, name, texts, on_existing="append" if is_append else "replace")
    digests = {path: member.photos.digest(text) for path, text in texts.items()}
    products = [
        member.expect(shoe_id, shoe, attached),
        member.expect(bag_id, bag, {COVER: texts[f"{bag}_front.jpg"]}),
    ]
    ready = {path: digest for path, digest in digests.items() if path not in refused}
    member.ledger.add_photo_batch(ExpectedBatch(batch_id, name, ready, refused, products))


def _send(member: Member, name: str, texts: Mapping[str, str], *, on_existing: str) -> str:
    """Create a batch, start it between its uploads, and return its id."""
    bodies = {path: member.photos(text) for path, text in texts.items()}
    files = [_declared(member, path, text, len(bodies[path])) for path, text in texts.items()]
    batch = member.api.create_photo_batch(name=name, on_existing=on_existing, files=files)
    waiting = [
        file
        for file in batch["files"]
        if file["upload"] is not None and file["match"]["status"] != "unmatched"
    ]
    half = len(waiting) // 2
    _upload(member, batch["id"], waiting[:half], bodies)
    member.api.attach_photo_batch(batch["id"])
    _upload(member, batch["id"], waiting[half:], bodies)
    return str(batch["id"])


def _declared(member: Member, path: str, text: str, size: int) -> dict[str, Any]:
    """Return a file of the request; the SHA-256 is that of a known photo."""
    declared = {"filename": path, "content_type": "image/jpeg", "file_size": size}
    is_known = text in member.uploaded
    return declared | ({"sha256": member.photos.digest(text)} if is_known else {})


def _upload(
    member: Member, batch_id: str, files: list[dict[str, Any]], bodies: Mapping[str, bytes]
) -> None:
    for file in files:
        member.api.put(file["upload"], bodies[file["filename"]])
    if files:
        member.api.report_uploaded(batch_id, [file["id"] for file in files])
