"""T62 and T63: the same table however it is written, and files that are none."""

import codecs
import io
import zipfile

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts.models import User
from bulkupload.errors import EmptyFileError, NotATableError
from bulkupload.models import BulkUploadJob, JobStatus
from bulkupload.tests.importing import counts, faults, imported, send, stored_skus
from bulkupload.tests.workbook import workbook
from catalog.models import Product
from media.storage.testing.memory import MemoryStore

HEADER = ["sku", "name", "description"]
ROWS = [["A-1", "Größe", 'Two\nlines, and "quotes"'], ["A-2", "Café", "; | \t, x"]]
CODECS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]


def written(delimiter: str = ",", end: str = "\n") -> str:
    rows = [HEADER, *ROWS]
    quoted = [delimiter.join('"' + c.replace('"', '""') + '"' for c in row) for row in rows]
    return end.join(quoted) + end


def stored(user: User) -> list[list[str]]:
    rows = Product.objects.filter(user=user).order_by("sku")
    return [list(row) for row in rows.values_list(*HEADER)]


@pytest.mark.covers("T62")
@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_table_is_read_however_it_is_written(
    private: MemoryStore, user: User, codec: str, delimiter: str, end: str
) -> None:
    body = written(delimiter, end).encode(codec)

    job = imported(user, body)

    assert job.status == JobStatus.COMPLETED
    assert stored(user) == ROWS
    assert job.dialect["delimiter"] == delimiter
    assert job.dialect["line_ending"] == end
    assert codecs.lookup(job.dialect["encoding"]).name.split("-l")[0] in {
        "utf-8",
        "utf-16",
        "utf-16-be",
        "cp1252",
    }


def test_the_line_is_the_one_an_editor_shows(private: MemoryStore, user: User) -> None:
    job = imported(user, 'sku,name,description\r\nA,Shoe,"1\r\n2\r\n3"\r\n\r\n,Boot,\r\nB,Hat,\r\n')

    assert faults(job) == [(2, 6, "sku", "missing")]


def test_excels_own_line_about_the_delimiter_is_no_header(private: MemoryStore, user: User) -> None:
    job = imported(user, "sep=;\r\nsku;name\r\nA;Shoe, brown\r\n;x\r\n")

    assert job.dialect["delimiter"] == ";"
    assert Product.objects.get().name == "Shoe, brown"
    assert faults(job) == [(2, 4, "sku", "missing")]


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
def test_a_file_that_cannot_be_read_fails_with_one_sentence(
    private: MemoryStore, user: User, body: bytes | str, code: str, line: int | None
) -> None:
    job = imported(user, body)

    assert (job.status, job.failure_code, job.failure_line) == (JobStatus.FAILED, code, line)
    assert job.failure_message
    assert counts(job) == (0, 0, 0, 0)
    assert not Product.objects.exists()


def test_a_refused_table_says_how_it_was_read(private: MemoryStore, user: User) -> None:
    job = imported(user, "style;title\n1;2\n")

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
def test_a_refused_header_is_told_so_that_it_can_be_mapped(
    user: User,
    header: str,
    mapping: dict[str, str],
    code: str,
    columns: list[tuple[str, str | None, str | None]],
) -> None:
    job = imported(user, f"{header}\n1,2,3\n", mapping=mapping)

    assert (job.status, job.failure_code) == (JobStatus.FAILED, code)
    assert [(each["name"], each["field"], each["suggestion"]) for each in job.columns] == columns


def test_too_many_columns_are_not_kept(private: MemoryStore, user: User) -> None:
    job = imported(user, ",".join(f"c{n}" for n in range(1001)) + "\n1\n")

    assert (job.failure_code, job.columns) == ("too_many_columns", [])


def test_an_empty_workbook_says_which_sheet_was_read(private: MemoryStore, user: User) -> None:
    job = imported(user, workbook({}), filename="products.xlsx")

    assert job.failure_code == "no_header"
    assert job.failure_message == (
        "The table is empty: its first row must name the columns. "
        "Hidden sheets of a workbook are not read."
    )


def test_a_header_alone_is_an_empty_table(private: MemoryStore, user: User) -> None:
    job = imported(user, "sku,name\n")

    assert (job.status, job.total_rows) == (JobStatus.COMPLETED, 0)


@pytest.mark.covers("T62")
@pytest.mark.parametrize(
    ("row", "code"),
    [
        (b'"A,Shoe', "quote_not_closed"),
        (b'"A"B,Shoe', "quote_misplaced"),
        (b"A", "too_few_cells"),
        (b"A,Shoe,more", "too_many_cells"),
        (b"A,Sh\x00oe", "string_characters"),
        (b"A,Sh\xffoe", "encoding"),
        (b"A," + b"x" * 256, "string_too_long"),
        (b"A," + b"x" * 70_000, "cell_too_long"),
        (b"A," + b"x," * 1_200_000, "row_too_long"),
        (b"1.2E+12,Shoe", "excel_damage"),
        (b"1,2E+12,Shoe", "too_many_cells"),
        (b"1234567890123450000,Shoe", "excel_damage"),
        (b"A,#REF!", "excel_damage"),
        (b",Shoe", "missing"),
    ],
)
def test_a_bad_row_costs_only_itself(
    private: MemoryStore, user: User, row: bytes, code: str
) -> None:
    umlauts = "Größe Über".encode()  # so that one bad byte makes no other encoding

    job = imported(user, b"sku,name\nX1," + umlauts + b"\n" + row + b"\nX2,Boot\nX3,Hat\n")

    assert [each[1::2] for each in faults(job)] == [(3, code)]
    assert counts(job) == (3, 0, 0, 1)
    assert job.status == JobStatus.COMPLETED_WITH_ERRORS


def test_empty_cells_and_rows_behind_the_table_say_nothing(
    private: MemoryStore, user: User
) -> None:
    job = imported(user, "sku,name,,\nA,Shoe,,\n,,,\n  ,,,\nB,Hat,,,,\n\n")

    assert counts(job) == (2, 0, 0, 0)


def test_other_names_of_columns_are_understood_and_reported(
    private: MemoryStore, user: User
) -> None:
    job = imported(user, "Item_SKU,TITLE,Vendor,Descripton,Shelf\nA,Shoe,Us,x,y\n")

    assert [(each["field"], each["suggestion"]) for each in job.columns] == [
        ("sku", None),
        ("name", None),
        ("brand", None),
        (None, "description"),
        (None, None),
    ]
    assert Product.objects.get().brand == "Us"


def test_a_mapping_wins(private: MemoryStore, user: User) -> None:
    table = "code;name;label\nA;ignored;Shoe\n"

    job = imported(user, table, mapping={"code": "sku", "label": "name", "name": None})
    missing = imported(user, table, mapping={"codes": "sku"})

    assert counts(job) == (1, 0, 0, 0)
    assert Product.objects.get().name == "Shoe"
    assert missing.failure_code == "mapping_column"


def test_a_workbook_is_read_by_its_own_row_numbers(private: MemoryStore, user: User) -> None:
    book = workbook(
        {
            2: ["sku", "name", "description"],
            3: [12.0, "Shoe", "two\nlines"],
            6: ["A", None, None],
            7: [1.23e18, "Long", None],
            8: ["B", "Price", 2.5],
        }
    )

    job = imported(user, book, filename="products.xlsx")

    assert job.dialect["format"] == "xlsx"
    assert stored(user) == [["12", "Shoe", "two\nlines"], ["B", "Price", "2.5"]]
    assert faults(job) == [(2, 6, "name", "missing"), (3, 7, "sku", "excel_damage")]


def test_a_sheet_that_claims_any_size_fails_alone(private: MemoryStore, user: User) -> None:
    book = workbook({1: ["sku", "name"], 2: ["A", "Shoe"]})
    huge = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(huge, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b'r="B2"', b'r="XFD1048576"'))

    job = imported(user, huge.getvalue(), filename="huge.xlsx")

    assert (job.status, job.failure_code) == (JobStatus.FAILED, "unreadable")


def zipped(name: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, "sku,name")
    return packed.getvalue()


@pytest.mark.covers("T63")
@pytest.mark.parametrize(
    "body",
    [
        zipped("products.csv"),
        zipped("word/document.xml"),
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
def test_what_is_no_table_is_refused_at_once(private: MemoryStore, user: User, body: bytes) -> None:
    with pytest.raises(NotATableError):
        send(user, body)

    assert not BulkUploadJob.objects.exists()


def test_an_empty_file_is_refused_at_once(private: MemoryStore, user: User) -> None:
    with pytest.raises(EmptyFileError):
        send(user, b"")


@pytest.mark.covers("T62")
@hypothesis_settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(tail=st.binary(max_size=300) | st.text("\",;\t|\r\n='aé0 ", max_size=300).map(str.encode))
def test_whatever_follows_every_row_has_one_outcome(
    private: MemoryStore, user: User, tail: bytes, two_rows_a_chunk: None
) -> None:
    try:
        job = imported(user, b"sku,name\nA,Shoe\n" + tail)
    except NotATableError:
        return

    if job.status == JobStatus.FAILED:
        assert job.failure_code in {"duplicate_column", "missing_column", "unreadable", "no_header"}
    else:
        assert sum(counts(job)) == job.total_rows
        assert len({row for row, *_ in faults(job)}) == counts(job)[3]


@pytest.mark.covers("T62")
def test_a_windows_table_may_end_in_its_only_umlaut(private: MemoryStore, user: User) -> None:
    job = imported(user, "sku,name\nA,Café".encode("cp1252"))

    assert job.written_in.encoding == "cp1252"
    assert Product.objects.get(user=user).name == "Café"


@pytest.mark.covers("T62")
@pytest.mark.parametrize("name", [b"x\xff", b"x\x00"])
def test_a_header_that_is_no_text_is_reported_as_well_as_can_be(
    private: MemoryStore, user: User, name: bytes
) -> None:
    job = imported(user, b"sku,name," + name + "\nA,Größe,\nB,Über,\n".encode())

    assert (job.status, counts(job)) == (JobStatus.COMPLETED, (2, 0, 0, 0))
    assert [column["name"] for column in job.columns] == ["sku", "name", "x\ufffd"]


@pytest.mark.parametrize(("note", "end"), [("sep=;", ";"), (" sep=;", ";"), ("sep=\t", "\t")])
def test_a_note_about_the_delimiter_is_believed(
    private: MemoryStore, user: User, note: str, end: str
) -> None:
    job = imported(user, f"{note}\nsku{end}name\nA{end}Shoe\n")

    assert (job.written_in.delimiter, counts(job)) == (end, (1, 0, 0, 0))


@pytest.mark.covers("T62")
def test_a_quote_no_row_closes_does_not_read_the_rest_again_for_each_line(
    private: MemoryStore, user: User
) -> None:
    """Each line leaves a quote open, alone and behind the others: hours, read line by line."""
    job = imported(user, "sku,name\n" + 'a","""x\n' * 150_000 + "A,Shoe\n")

    assert job.status == JobStatus.COMPLETED_WITH_ERRORS
    assert {code for _, _, _, code in faults(job)} == {"row_too_long", "quote_not_closed"}
    assert [*counts(job)][:3] == [1, 0, 0]


@pytest.mark.covers("T62")
def test_a_row_is_refused_with_the_lines_of_its_closed_cells(
    private: MemoryStore, user: User
) -> None:
    job = imported(user, 'sku,name,brand\nA,"two\nlines","open\nB,Hat,x\n')

    assert [each[1::2] for each in faults(job)] == [(2, "quote_not_closed")]
    assert stored_skus(user) == ["B"]


@pytest.mark.covers("T62")
def test_a_gap_in_a_table_is_not_held_in_memory(
    private: MemoryStore, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bulkupload.services.rows.range_cache.WIDTH", 1024)

    job = imported(user, "sku,name\nA,Shoe\n" + "\n" * 4096 + "B,Hat\n,\n,Boot\n")

    assert [each[1::2] for each in faults(job)] == [(4101, "missing")]
    assert stored_skus(user) == ["A", "B"]


@pytest.mark.covers("T62")
def test_a_closed_cell_of_many_lines_is_one_row_however_long(
    private: MemoryStore, user: User
) -> None:
    lines = "\n".join(f"fake{n},no product,x" for n in range(4000))

    job = imported(user, f'sku,name,description\nA,Shoe,"{lines}"\nB,Boot,\n')

    assert faults(job) == [(1, 2, "", "cell_too_long")]
    assert stored_skus(user) == ["B"]


@pytest.mark.covers("T62")
@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_characters_with_a_zero_byte_do_not_hide_utf_16(
    private: MemoryStore, user: User, codec: str
) -> None:
    job = imported(user, "sku,name\r\nA,\u7b2c\u4e00\r\nB,\uac00 and plain words\r\n".encode(codec))

    assert job.written_in.encoding == codec
    assert stored_skus(user) == ["A", "B"]
