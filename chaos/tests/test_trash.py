"""The checker notices each kind of broken promise of deletions and restores."""

from datetime import datetime
from typing import Any

import pytest

from catalog.models import Product
from chaos.checker.violations import Problem
from chaos.ledger import ExpectedProduct, Slot
from chaos.tests.conftest import DIGEST, LONG_AGO, State
from media.models import Attachment, MediaResource

RESTORE_PHOTOS = """
UPDATE media_attachment SET entity_deleted_at = NULL WHERE entity_id = '{deleted}'
"""
CHANGES = [
    (
        Problem.LOST,
        "deletion of product {deleted} Deleted",
        "UPDATE catalog_product SET deleted_at = NULL WHERE id = '{deleted}';" + RESTORE_PHOTOS,
    ),
    (
        Problem.LOST,
        "product {deleted} Deleted",
        """
        DELETE FROM media_attachment WHERE entity_id = '{deleted}';
        DELETE FROM catalog_product WHERE id = '{deleted}'
        """,
    ),
    (
        Problem.LOST,
        "photo cover_image of Deleted is not in its place",
        "DELETE FROM media_attachment WHERE entity_id = '{deleted}'",
    ),
    (Problem.LOST, "photo cover_image of Deleted is not in its place", RESTORE_PHOTOS),
    (
        Problem.LOST,
        "product {restored} Restored is in the trash",
        "UPDATE catalog_product SET deleted_at = now() WHERE id = '{restored}'",
    ),
    (
        Problem.LOST,
        "photo cover_image of Restored is not in its place",
        "UPDATE media_attachment SET entity_deleted_at = now() WHERE entity_id = '{restored}'",
    ),
    (
        Problem.LOST,
        "photo cover_image of Restored is not in its place",
        "UPDATE media_mediaresource SET deleted_at = now()",
    ),
]


def with_photo(owner_fields: dict[str, Any], name: str, deleted_at: datetime | None) -> Product:
    product: Product = Product.objects.create(**owner_fields, name=name, deleted_at=deleted_at)
    Attachment.objects.create(
        resource=MediaResource.objects.get(),
        entity_type="PRODUCT",
        entity_id=product.pk,
        slot="cover_image",
        entity_deleted_at=deleted_at,
    )
    return product


@pytest.fixture
def state(state: State) -> State:
    """A product in the trash, and one that was restored from it."""
    photo = MediaResource.objects.get()
    owner_fields = {"user": photo.user, "organization": photo.organization}
    deleted_product = with_photo(owner_fields, "Deleted", LONG_AGO)
    restored_product = with_photo(owner_fields, "Restored", None)
    for product in (deleted_product, restored_product):
        photos: dict[Slot, str] = {("cover_image", None): DIGEST}
        state.ledger.add_product(ExpectedProduct(str(product.pk), product.name, photos))
    state.ledger.add_deleted(str(deleted_product.pk))
    state.ids |= {"deleted": str(deleted_product.pk), "restored": str(restored_product.pk)}
    return state


def test_a_correct_trash_has_no_violations(state: State) -> None:
    assert state.violations() == []


@pytest.mark.parametrize(("problem", "text", "sql"), CHANGES)
def test_a_changed_row_is_noticed(state: State, problem: Problem, text: str, sql: str) -> None:
    state.execute(sql)

    assert text.format(**state.ids) in state.texts(problem)


def test_a_lost_object_of_a_deleted_product_is_noticed(state: State) -> None:
    state.execute("DELETE FROM media_attachment WHERE entity_id <> '{deleted}'")
    state.ledger.products[:] = [row for row in state.ledger.products if row.name == "Deleted"]
    del state.public.objects[state.ids["photo_key"]]

    assert state.texts(Problem.LOST) == [
        f"object {state.ids['photo_key']} of a READY resource is missing"
    ]
