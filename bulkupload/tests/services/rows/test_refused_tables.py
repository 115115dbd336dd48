"""Files that are not tables, and tables that cannot be imported."""

import codecs
import io
import zipfile

import pytest

from accounts.models import User
from bulkupload.errors import EmptyFileError, NotATableError
from bulkupload.models import BulkUploadJob, JobStatus
from bulkupload.tests.importing import RowCounts, import_table, row_counts, start_job
from bulkupload.tests.workbook import workbook
from catalog.models import Product
from media.storage.testing.memory import MemoryStore


@pytest.mark.covers("T62")
@pytest.mark.parametrize(
    ("body", "code", "line"),
    [
        ("\n\n\n", "no_header", None),
        ("   \n", "no_header", None),
        ("name,brand\nShoe,Us\n", "missing_column", 1),
        ("\nSkuu,name\n1,2\n", "missing_column", 2),
        ("sku,name,sku\n1,2,3\n", "duplicate_column", 1),
        ("title,sku,product name\n1,2,3\n", "duplicate_column", 1),
        (",".join(f"c{n}" for n in range(1001)) + "\n1\n", "too_many_columns", 1),
        ('"sku,name\n1,2\n', "no_header", 1),
        (b"\xff\xfe" + "sku,name\n1,2".encode("utf-16-le")[:-1], "unreadable", None),
    ],
)
def test_a_file_that_cannot_be_read_fails_with_one_message(
    private: MemoryStore, user: User, body: bytes | str, code: str, line: int | None
) -> None:
    job = import_table(user, body)

    assert (job.status, job.failure_code, job.failure_line) == (JobStatus.FAILED, code, line)
    assert job.failure_message
    assert row_counts(job) == RowCounts()
    assert not Product.objects.exists()


def test_a_refused_table_has_the_dialect_it_was_read_with(private: MemoryStore, user: User) -> None:
    job = import_table(user, "style;title\n1;2\n")

    assert (job.status, job.failure_code) == (JobStatus.FAILED, "missing_column")
    assert job.dialect is not None
    assert job.dialect["delimiter"] == ";"


@pytest.mark.parametrize(
    ("header", "mapping", "code", "columns"),
    [
        (
            "Skuu,name,Shelf",
            {},
            "missing_column",
            [("Skuu", None, "sku"), ("name", "name", None), ("Shelf", None, None)],
        ),
        (
            "sku,title,SKU,Vendor",
            {},
            "duplicate_column",
            [
                ("sku", "sku", None),
                ("title", "name", None),
                ("SKU", None, "sku"),
                ("Vendor", "brand", None),
            ],
        ),
        (
            "code,name",
            {"Code": "sku"},
            "mapping_column",
            [("code", None, None), ("name", "name", None)],
        ),
    ],
)
@pytest.mark.usefixtures("private")
def test_a_refused_header_is_saved_so_that_it_can_be_mapped(
    user: User,
    header: str,
    mapping: dict[str, str],
    code: str,
    columns: list[tuple[str, str | None, str | None]],
) -> None:
    job = import_table(user, f"{header}\n1,2,3\n", mapping=mapping)

    assert (job.status, job.failure_code) == (JobStatus.FAILED, code)
    assert [
        (column["name"], column["field"], column["suggestion"]) for column in job.columns
    ] == columns


def test_too_many_columns_are_not_saved(private: MemoryStore, user: User) -> None:
    job = import_table(user, ",".join(f"c{n}" for n in range(1001)) + "\n1\n")

    assert (job.failure_code, job.columns) == ("too_many_columns", [])


def test_an_empty_workbook_is_reported_with_a_hint_about_sheets(
    private: MemoryStore, user: User
) -> None:
    job = import_table(user, workbook({}), filename="products.xlsx")

    assert job.failure_code == "no_header"
    assert job.failure_message == (
        "The table is empty: its first row must name the columns. "
        "Hidden sheets of a workbook are not read."
    )


def test_a_sheet_that_declares_a_huge_size_fails_the_job(private: MemoryStore, user: User) -> None:
    book = workbook({1: ["sku", "name"], 2: ["A", "Shoe"]})
    huge_book = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as source, zipfile.ZipFile(huge_book, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name).replace(b'r="B2"', b'r="XFD1048576"'))

    job = import_table(user, huge_book.getvalue(), filename="huge.xlsx")

    assert (job.status, job.failure_code) == (JobStatus.FAILED, "unreadable")


def zip_of(name: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, "sku,name")
    return packed.getvalue()


@pytest.mark.covers("T63")
@pytest.mark.parametrize(
    "body",
    [
        zip_of("products.csv"),
        zip_of("word/document.xml"),
        b"PK\x03\x04 broken",
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
        b"%PDF-1.7\n1 0 obj",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        b"GIF89a" + bytes(100),
        b"\x1f\x8b\x08" + bytes(50),
        b"<!DOCTYPE html><html><body>Sign in</body></html>",
        b"\r\n <!doctype html><html><body>Sign in</body></html>",
        b"<HTML><body>Sign in</body></HTML>",
        codecs.BOM_UTF8 + b'<?xml version="1.0"?><products/>',
        '<?xml version="1.0"?><products/>'.encode("utf-16"),
        bytes(range(256)) * 10,
        b"\x7fELF" + bytes(100),
    ],
)
def test_files_that_are_not_tables_are_refused_immediately(
    private: MemoryStore, user: User, body: bytes
) -> None:
    with pytest.raises(NotATableError):
        start_job(user, body)

    assert not BulkUploadJob.objects.exists()


def test_an_empty_file_is_refused_immediately(private: MemoryStore, user: User) -> None:
    with pytest.raises(EmptyFileError):
        start_job(user, b"")
