"""Characters that are special in COPY's text format are stored as they were sent."""

import csv
import io

import pytest
from django.db.models.functions import Now

from accounts.models import User
from bulkupload.tests.importing import RowCounts, import_table, row_counts
from catalog.models import Product
from catalog.services import entities
from media.storage.testing.memory import MemoryStore

SPECIAL_CHARACTERS = [
    "\\N",
    "\\.",
    "\\",
    "back\\slash\\t",
    "tab\there",
    "line\nfeed",
    "carriage\rreturn",
    "both\r\nof them",
    'quote"d',
    "unit\x1fseparator",
    "escape\x1bd",
    "vertical\x0btab\x0cpage",
    "next\x85line\u2028and paragraph\u2029end",
    "emoji 🥿 and ideographs 靴",
]


@pytest.mark.covers("T62")
@pytest.mark.django_db(transaction=True)
def test_special_characters_are_stored_as_they_were_sent(private: MemoryStore, user: User) -> None:
    text = io.StringIO(newline="")
    rows = [[f"S{n}", f"Name {n}", f"x{cell}x", cell] for n, cell in enumerate(SPECIAL_CHARACTERS)]
    csv.writer(text).writerows([["sku", "name", "description", "brand"], *rows])

    first, second = import_table(user, text.getvalue()), import_table(user, text.getvalue())

    stored_rows = Product.objects.order_by("name").values_list(
        "sku", "name", "description", "brand"
    )
    assert sorted(map(list, stored_rows)) == sorted(rows)
    assert row_counts(first) == RowCounts(created=len(SPECIAL_CHARACTERS))
    assert row_counts(second) == RowCounts(unchanged=len(SPECIAL_CHARACTERS))


@pytest.mark.django_db(transaction=True)
def test_a_deleted_product_is_neither_matched_nor_changed(private: MemoryStore, user: User) -> None:
    deleted_product = Product.objects.create(user=user, name="Gone", sku="A")
    entities.set_deleted(Product, [deleted_product], deleted_at=Now())

    first = import_table(user, "sku,name\nA,Shoe\n")
    second = import_table(user, "sku,name\nA,Shoe\n")

    deleted_product.refresh_from_db()
    assert row_counts(first) == RowCounts(created=1)
    assert row_counts(second) == RowCounts(unchanged=1)
    assert Product.objects.get().name == "Shoe"
    assert (deleted_product.name, Product.with_deleted.count()) == ("Gone", 2)
