"""The columns of a table: by name, by mapping, unknown."""

import pytest

from accounts.models import User
from bulkupload.models import JobStatus
from bulkupload.tests.importing import RowCounts, import_table, row_counts
from catalog.models import Product
from media.storage.testing.memory import MemoryStore


def test_a_header_without_rows_is_an_empty_table(private: MemoryStore, user: User) -> None:
    job = import_table(user, "sku,name\n")

    assert (job.status, job.total_rows) == (JobStatus.COMPLETED, 0)


def test_synonyms_of_columns_are_recognized_and_reported(private: MemoryStore, user: User) -> None:
    job = import_table(user, "Item_SKU,TITLE,Vendor,Descripton,Shelf\nA,Shoe,Us,x,y\n")

    assert [(column["field"], column["suggestion"]) for column in job.columns] == [
        ("sku", None),
        ("name", None),
        ("brand", None),
        (None, "description"),
        (None, None),
    ]
    assert Product.objects.get().brand == "Us"


def test_a_mapping_takes_precedence(private: MemoryStore, user: User) -> None:
    table = "code;name;label\nA;ignored;Shoe\n"

    job = import_table(user, table, mapping={"code": "sku", "label": "name", "name": None})
    failed_job = import_table(user, table, mapping={"codes": "sku"})

    assert row_counts(job) == RowCounts(created=1)
    assert Product.objects.get().name == "Shoe"
    assert failed_job.failure_code == "mapping_column"


@pytest.mark.covers("T62")
@pytest.mark.parametrize("name", [b"x\xff", b"x\x00"])
def test_invalid_characters_in_a_header_are_replaced(
    private: MemoryStore, user: User, name: bytes
) -> None:
    job = import_table(user, b"sku,name," + name + "\nA,Größe,\nB,Über,\n".encode())

    assert (job.status, row_counts(job)) == (JobStatus.COMPLETED, RowCounts(created=2))
    assert [column["name"] for column in job.columns] == ["sku", "name", "x\ufffd"]
