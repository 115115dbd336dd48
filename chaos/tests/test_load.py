"""What each operation sends, and what it saves in the ledger."""

import random
from collections.abc import Iterable
from typing import Any

import pytest

from chaos.ledger import ExpectedProduct, Ledger, Slot
from chaos.load import exports, photo_batches, products
from chaos.load.clients import OPERATIONS, UPLOADS_OF_ALL_OPERATIONS
from chaos.load.member import Member
from chaos.load.photos import Photos
from chaos.load.products import BACK, COVER

PHOTOS = Photos()
NEW_FILES = ("BATCH-A-SHOE_back.jpg", "BATCH-A-SHOE_3.jpg", "BATCH-A-BAG_front.jpg")


class Api:
    """Accepts everything, and records it."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.calls: list[tuple[str, Any]] = []
        self.files: list[dict[str, Any]] = []

    def upload(self, body: bytes) -> str:
        self.sent.append(body)
        return f"url {len(self.sent)}"

    def put(self, ticket: dict[str, Any], body: bytes) -> None:
        self.sent.append(body)
        self.calls.append(("put", ticket))

    def create_product(self, **fields: Any) -> str:
        self.calls.append(("create", fields))
        return f"id {len(self.calls)}"

    def create_photo_batch(self, **fields: Any) -> dict[str, Any]:
        self.files = fields["files"]
        return {"id": "batch", "files": list(self._matched(fields["files"]))}

    def export_products(self, product_ids: list[str]) -> str:
        self.calls.append(("export", product_ids))
        return "export"

    def __getattr__(self, name: str) -> Any:
        def record(*values: Any, **fields: Any) -> str:
            self.calls.append((name, (*values, fields) if fields else values))
            return "id"

        return record

    @staticmethod
    def _matched(files: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
        """Yield the files of a batch; those with a known hash need no upload."""
        for file in files:
            name = file["filename"]
            status = "unmatched" if name.startswith("nothing") else "matched"
            upload = None if "sha256" in file else name
            yield {"id": name, "filename": name, "match": {"status": status}, "upload": upload}


@pytest.fixture
def member() -> Member:
    api: Any = Api()
    random_source = random.Random(1)
    return Member(api, Ledger(), PHOTOS, "member", random_source)


def calls(member: Member, name: str) -> list[Any]:
    api: Any = member.api
    return [value for called_name, value in api.calls if called_name == name]


def test_the_number_of_photos_is_about_the_requested_one(member: Member) -> None:
    for number in range(10 * len(OPERATIONS)):
        OPERATIONS[number % len(OPERATIONS)](member, f"member {number}")

    api: Any = member.api
    assert len(api.sent) / 10 == pytest.approx(UPLOADS_OF_ALL_OPERATIONS, abs=2)


def test_a_deleted_product_is_not_used_again(member: Member) -> None:
    products.delete(member, "a")

    [product] = member.ledger.products
    assert member.ledger.deleted == {product.id}
    assert calls(member, "delete_product") == [(product.id,)]
    assert member.products == []


def test_a_restored_product_is_still_live(member: Member) -> None:
    products.delete_and_restore(member, "a")

    [product] = member.products
    api: Any = member.api
    steps = [name for name, value in api.calls if value == (product.id,)]
    assert steps == ["delete_product", "restore_product"]
    assert (member.ledger.deleted, member.ledger.restored) == (set(), 1)


def test_an_export_has_the_photos_in_the_order_of_their_slots(member: Member) -> None:
    photos: dict[Slot, str] = {
        ("images", 1): "d",
        ("back_image", None): "b",
        ("images", 0): "c",
        ("cover_image", None): "a",
    }
    member.products.append(ExpectedProduct("1", "product", photos))

    exports.export_products(member, "export")

    [export] = member.ledger.exports
    assert export.photos == ["a", "b", "c", "d"]
    assert calls(member, "export") == [["1"]]


def test_an_appended_photo_of_an_occupied_slot_is_refused(member: Member) -> None:
    photo_batches.append(member, "a")

    [batch] = member.ledger.photo_batches
    [shoe, bag] = batch.products
    assert batch.refused == {
        "BATCH-A-SHOE_front.jpg": "slot_occupied",
        "nothing a.jpg": "no_product",
    }
    assert list(batch.attached) == [
        *("BATCH-A-SHOE_back.jpg", "BATCH-A-SHOE_2.jpg", "BATCH-A-SHOE_3.jpg"),
        "BATCH-A-BAG_front.jpg",
    ]
    assert set(shoe.photos) == {COVER, BACK, ("images", 0), ("images", 1)}
    assert shoe.photos[COVER] not in {batch.attached[path] for path in NEW_FILES}
    assert bag.photos == {COVER: shoe.photos["images", 1]}


def test_a_batch_replaces_the_photos_of_its_slots(member: Member) -> None:
    photo_batches.replace(member, "a")

    [batch] = member.ledger.photo_batches
    [shoe, _] = batch.products
    assert batch.refused == {"nothing a.jpg": "no_product"}
    assert shoe.photos[COVER] == batch.attached["BATCH-A-SHOE_front.jpg"]
    assert set(shoe.photos) == {COVER, BACK, ("images", 0), ("images", 1)}


def test_a_batch_is_started_between_its_uploads(member: Member) -> None:
    photo_batches.append(member, "a")

    api: Any = member.api
    steps = [name for name, _ in api.calls if name != "create"]
    assert steps == [
        *("put", "put", "report_uploaded", "attach_photo_batch"),
        *("put", "put", "report_uploaded"),
    ]
    known_files = [file["filename"] for file in api.files if "sha256" in file]
    assert known_files == ["BATCH-A-SHOE_2.jpg"]
    assert "nothing a.jpg" not in calls(member, "put")
