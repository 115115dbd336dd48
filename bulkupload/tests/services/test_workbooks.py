import pytest

from accounts.models import User
from bulkupload.tests.importing import counts, faults, imported
from bulkupload.tests.workbook import Cell, workbook
from catalog.models import Product
from media.storage.memory import MemoryStore

HEADER: list[Cell] = ["sku", "name", "brand"]


@pytest.mark.covers("T62")
def test_a_lone_carriage_return_splits_no_row(private: MemoryStore, user: User) -> None:
    book = workbook(
        {
            1: HEADER,
            2: ["A", "two_x000D_lines", "Us"],
            4: ["B", "Hat_x000D_", None],
            5: ["C", None, None],
        }
    )

    job = imported(user, book, filename="p.xlsx")

    assert counts(job) == (2, 0, 0, 1)
    assert faults(job) == [(3, 5, "name", "missing")]
    assert Product.objects.get(sku="A").name == "two\rlines"
