"""Imports of Shopify exports, in which several rows share a handle (T62)."""

import pytest

from accounts.models import User
from bulkupload.models import JobStatus
from bulkupload.tests.importing import RowCounts, errors_of, import_table, row_counts
from catalog.models import Product
from media.storage.testing.memory import MemoryStore

SHOPIFY = (
    "Handle,Title,Body (HTML),Vendor,Option1 Value,Variant SKU,Image Src\n"
    "boot,Boot,<p>Good</p>,Us,41,B-41,https://x/1.png\n"
    "boot,,,,42,B-42,\n"
    "boot,,,,,,https://x/2.png\n"
    "hat,Hat,,Them,,,https://x/3.png\n"
    "hat,,,,,,https://x/4.png\n"
    "sock,Sock,,Us,,S-1,\n"
)


@pytest.mark.parametrize("rows", [1, 2, 100])
def test_a_shopify_export_is_read_without_changes(
    private: MemoryStore, user: User, settings: object, rows: int
) -> None:
    settings.BULK_CHUNK_ROWS = rows  # type: ignore[attr-defined]  # pytest-django's settings

    job = import_table(user, SHOPIFY)

    products = Product.objects.order_by("sku").values_list("sku", "name", "brand", "description")
    assert list(products) == [
        ("B-41", "Boot", "Us", "<p>Good</p>"),
        ("B-42", "Boot", "Us", ""),
        ("S-1", "Sock", "Us", ""),
    ]
    assert job.total_rows == 4
    assert errors_of(job) == [(3, 5, "Variant SKU", "missing")]


@pytest.mark.covers("T62")
def test_a_handle_with_too_many_bytes_is_refused(
    private: MemoryStore, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bulkupload.rules.rows.shopify_handles.MAX_GROUP_BYTES", 64)

    job = import_table(user, "Handle,Variant SKU,Title\n" + "h,A,Shoe\n" * 20)

    assert (job.status, job.failure_code) == (JobStatus.FAILED, "handle_too_long")


@pytest.mark.covers("T62")
def test_a_row_without_a_handle_inherits_nothing(private: MemoryStore, user: User) -> None:
    job = import_table(
        user, "Handle,Title,Vendor,Variant SKU\nh,Shoe,ACME,A\n,Hat,,B\n,,,C\n,,,\n,Cap,,\n"
    )

    rows = Product.objects.order_by("sku").values_list("sku", "name", "brand")
    assert list(rows) == [("A", "Shoe", "ACME"), ("B", "Hat", "")]
    assert errors_of(job) == [(3, 4, "Title", "missing"), (4, 6, "Variant SKU", "missing")]


@pytest.mark.covers("T62")
def test_an_incomplete_row_of_a_handle_is_refused(private: MemoryStore, user: User) -> None:
    job = import_table(
        user,
        "Handle,Title,Variant SKU,Image Src\n"
        "h,Shirt,A,\n"
        "h,,\n"
        "h,,,https://a.example/x,y.jpg\n"
        "g,Hat,B,\n",
    )

    assert [error[1:] for error in errors_of(job)] == [
        (3, "", "too_few_cells"),
        (4, "", "too_many_cells"),
    ]
    assert row_counts(job) == RowCounts(created=2, failed=2)


@pytest.mark.covers("T62")
def test_a_handle_column_can_be_ignored_by_a_mapping(private: MemoryStore, user: User) -> None:
    table = "sku,name,brand,Handle\nA,Bag,ACME,leather\nB,Box,,leather\n"

    import_table(user, table, mapping={"Handle": None})

    brands = Product.objects.order_by("sku").values_list("brand", flat=True)
    assert list(brands) == ["ACME", ""]
