"""Tables in any encoding, with any delimiter and line ending."""

import codecs

import pytest

from accounts.models import User
from bulkupload.models import JobStatus
from bulkupload.tests.importing import RowCounts, errors_of, import_table, row_counts, stored_skus
from catalog.models import Product
from media.storage.testing.memory import MemoryStore

HEADER = ["sku", "name", "description"]


ROWS = [["A-1", "Größe", 'Two\nlines, and "quotes"'], ["A-2", "Café", "; | \t, x"]]


CODECS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]


def csv_text(delimiter: str = ",", end: str = "\n") -> str:
    rows = [HEADER, *ROWS]
    quoted = [delimiter.join('"' + c.replace('"', '""') + '"' for c in row) for row in rows]
    return end.join(quoted) + end


def stored_rows(user: User) -> list[list[str]]:
    rows = Product.objects.filter(user=user).order_by("sku")
    return [list(row) for row in rows.values_list(*HEADER)]


@pytest.mark.covers("T62")
@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_table_is_read_in_any_dialect(
    private: MemoryStore, user: User, codec: str, delimiter: str, end: str
) -> None:
    body = csv_text(delimiter, end).encode(codec)

    job = import_table(user, body)

    assert job.status == JobStatus.COMPLETED
    assert stored_rows(user) == ROWS
    assert job.dialect["delimiter"] == delimiter
    assert job.dialect["line_ending"] == end
    assert codecs.lookup(job.dialect["encoding"]).name.split("-l")[0] in {
        "utf-8",
        "utf-16",
        "utf-16-be",
        "cp1252",
    }


def test_a_sep_line_is_not_taken_for_the_header(private: MemoryStore, user: User) -> None:
    job = import_table(user, "sep=;\r\nsku;name\r\nA;Shoe, brown\r\n;x\r\n")

    assert job.dialect["delimiter"] == ";"
    assert Product.objects.get().name == "Shoe, brown"
    assert errors_of(job) == [(2, 4, "sku", "missing")]


@pytest.mark.covers("T62")
def test_the_encoding_is_detected_from_an_accent_at_the_end(
    private: MemoryStore, user: User
) -> None:
    job = import_table(user, "sku,name\nA,Café".encode("cp1252"))

    assert job.dialect_object.encoding == "cp1252"
    assert Product.objects.get(user=user).name == "Café"


@pytest.mark.parametrize(
    ("sep_line", "delimiter"), [("sep=;", ";"), (" sep=;", ";"), ("sep=\t", "\t")]
)
def test_a_sep_line_decides_the_delimiter(
    private: MemoryStore, user: User, sep_line: str, delimiter: str
) -> None:
    job = import_table(user, f"{sep_line}\nsku{delimiter}name\nA{delimiter}Shoe\n")

    assert (job.dialect_object.delimiter, row_counts(job)) == (delimiter, RowCounts(created=1))


@pytest.mark.covers("T62")
@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_detected_despite_characters_with_a_zero_low_byte(
    private: MemoryStore, user: User, codec: str
) -> None:
    job = import_table(
        user, "sku,name\r\nA,\u7b2c\u4e00\r\nB,\uac00 and plain words\r\n".encode(codec)
    )

    assert job.dialect_object.encoding == codec
    assert stored_skus(user) == ["A", "B"]
