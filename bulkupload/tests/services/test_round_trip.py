"""The error file: what was refused comes back as it was, harmless to open, ready to fix."""

import csv
import io
import json
import tracemalloc

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts.models import User
from bulkupload.models import BulkUploadJob, BulkUploadRowError
from bulkupload.rules.rows.columns import FIELDS, ROW_FIELDS
from bulkupload.rules.rows.formulas import is_unsafe, protect, restore
from bulkupload.rules.table.dialects import Dialect
from bulkupload.services import jobs
from bulkupload.services.error_file import error_file, template
from bulkupload.tests.importing import counts, faults, imported, work_off
from bulkupload.tests.workbook import workbook
from catalog.models import Product
from media.storage.testing.memory import MemoryStore

TRIGGERS = [
    *("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"),
    *("'=", '"=', " =", "''=", "'\t", "\u2019+", " \t@"),
]
TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], include_characters="\t\r\n"),
    max_size=12,
)
TEXTS = list(ROW_FIELDS)
MIB = 1024 * 1024


def file_of(job: BulkUploadJob) -> bytes:
    return b"".join(error_file(job))


def told(job: BulkUploadJob) -> list[tuple[str, str, str]]:
    rows = BulkUploadRowError.objects.filter(job=job).order_by("row", "position")
    return list(rows.values_list("column", "code", "value"))


@pytest.mark.covers("T60")
@pytest.mark.parametrize("field", TEXTS)
@pytest.mark.parametrize("trigger", TRIGGERS)
def test_a_formula_is_kept_raw_in_json_and_harmless_in_csv(
    private: MemoryStore, user: User, field: str, trigger: str
) -> None:
    evil = f"{trigger}cmd|' /C calc'!A0"
    row = dict.fromkeys(TEXTS, "x") | {field: evil}
    refused = row | {"gender" if field != "gender" else "color": "y" * 101}
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, TEXTS, quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerow(refused)

    job = imported(user, text.getvalue())

    [cells] = list(csv.DictReader(io.StringIO(file_of(job).decode(), newline="")))
    assert cells[field] == "'" + evil
    assert not any(is_unsafe(cell.lstrip("'")) and cell[0] != "'" for cell in cells.values())
    assert [cells[name] for name in TEXTS if name != field] == [
        refused[name] for name in TEXTS if name != field
    ]
    assert file_of(job).count(b'"') >= 2 * 2 * (len(TEXTS) + 4)

    fixed = file_of(job).replace(b"y" * 101, b"y")
    assert counts(imported(user, fixed)) == (1, 0, 0, 0)
    stored = Product.objects.values(*TEXTS).get()
    assert stored[field] == evil.strip()


@given(st.text(max_size=20) | st.text("'\"=+-@ \t\r\n\uff1dx", max_size=8))
def test_protecting_a_cell_loses_nothing(cell: str) -> None:
    assert restore(protect(cell)) == cell
    assert not is_unsafe(cell) or protect(cell) == "'" + cell


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_it_is_written_as_the_table_was(
    private: MemoryStore, user: User, codec: str, delimiter: str
) -> None:
    rows = [["Größe", "SKU", "Title"], ["é", "", "Boot\r\nlow"], ["é", "A", "Fine"]]
    body = "\r\n".join(delimiter.join('"' + cell + '"' for cell in row) for row in rows).encode(
        codec
    )

    job = imported(user, body)
    returned = file_of(job)

    assert returned.startswith(body[:4] if codec != "cp1252" else b'"Gr')
    read = list(csv.reader(io.StringIO(returned.decode(codec), newline=""), delimiter=delimiter))
    assert read == [
        [*rows[0], "error_line", "error_column", "error_code", "error_message"],
        [*rows[1], "2", "SKU", "missing", "Every row needs a sku. Fill this cell."],
    ]


BAD = (
    "Handle,sku,name,color\n"
    "h,A,Shoe,red\n"
    "h,,Boot,\n"
    'h,B,"Ha"t,red\n'
    "h,C,Sock\n"
    "h,D,Coat,red,extra\n"
    "h,1.2E+12,Vest,=1+1\n"
    'h,E,"never closed,red\n'
    "h,F,,\n"
    f"h,,,{'x' * 101}\n"
)


@pytest.mark.covers("T60", "T62")
@pytest.mark.parametrize("handle", [True, False])
def test_sent_back_unchanged_it_has_the_same_errors(
    private: MemoryStore, user: User, *, handle: bool
) -> None:
    table = BAD if handle else BAD.replace("Handle,", "Place,").replace("h,,,", "h,Z,,")
    first = imported(user, table)

    second = imported(user, file_of(first))
    third = imported(user, file_of(second))

    codes = [[(column, code) for column, code, _ in told(job)] for job in (first, second, third)]
    assert codes[0] == codes[1] == codes[2]
    assert counts(first)[0] == (2 if handle else 1)  # a variant inherits the name it lacks
    assert counts(second) == counts(third) == (0, 0, 0, counts(first)[3])
    assert Product.objects.count() == counts(first)[0]


@pytest.mark.covers("T60", "T62")
@pytest.mark.parametrize(
    ("table", "good"),
    [
        # Only what was refused is left: it says no more how many digits, or which letters, others
        # have.
        (b"sku;name\r\n0901231;a\r\n0901232;b\r\n90789;c\r\n", 2),
        ("sku,name\nU,Größe ü\nV,Größe ü\n".encode() + b"B,Caf\xe9 M\xfcller\n", 2),
        ("sku,name\nU,Größe ü\nV,Größe ü\n".encode() + b'B,"Caf\xe9 \xfc "x"\n', 2),
        (b'Title,URL handle,SKU\nTee,tee,1\n"Hat "b"",h,2\n"Cap "s"",c,3\nBag,bag,4\n', 2),
        (f"Handle,Title,SKU\ns,Shirt,1\ns,{'x' * 300},2\nh,Hat,3\ns,Shirt,\n".encode(), 2),
        (b"Handle,Title,SKU,Image Src\ns,Shirt,1,\ns,,\ns,,,https://a.example/x,y.jpg\n", 1),
        (b"sku,name," + ",".join(f"c{n}" for n in range(98)).encode() + b"\n1" + b"," * 99, 0),
    ],
    ids=["zeros", "bytes", "broken", "quotes", "variant", "pictures", "columns"],
)
def test_what_was_refused_for_what_stood_beside_it_stays_refused(
    private: MemoryStore, user: User, table: bytes, good: int
) -> None:
    first = imported(user, table)
    named = list(Product.objects.order_by("sku").values_list("name", flat=True))

    again = imported(user, file_of(first))
    retried = work_off(jobs.retry(user=user, job_id=first.pk))

    codes = [[code for _, code, _ in told(job)] for job in (first, again, retried)]
    assert codes[0] == codes[1] == codes[2] != []
    assert counts(first) == (good, 0, 0, len(codes[0]))
    assert counts(again) == counts(retried) == (0, 0, 0, counts(first)[3])
    assert list(Product.objects.order_by("sku").values_list("name", flat=True)) == named


def test_a_number_that_lost_no_zeros_may_be_insisted_on(private: MemoryStore, user: User) -> None:
    first = imported(user, "sku,name\n0901231,a\n0901232,b\n90789,c\n")
    rows = list(csv.reader(io.StringIO(file_of(first).decode(), newline="")))
    rows[1][rows[0].index("error_code")] = ""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)

    second = imported(user, text.getvalue())

    assert counts(second) == (1, 0, 0, 0)
    assert Product.objects.filter(sku="90789").exists()


def test_a_long_number_a_workbook_held_as_text_is_retried_as_it_was(
    private: MemoryStore, user: User
) -> None:
    exact, cut = "400638133393000000", "400638133393111000"
    first = imported(user, workbook({1: ["sku", "name"], 2: [exact, ""]}), filename="p.xlsx")
    table = imported(user, f"sku,name\n{cut},Shoe\n")

    again = work_off(jobs.retry(user=user, job_id=first.pk))
    third = work_off(jobs.retry(user=user, job_id=again.pk))
    still = work_off(jobs.retry(user=user, job_id=table.pk))

    assert told(first) == told(again) == told(third) == [("name", "missing", "")]
    assert told(still) == told(table) == [("sku", "excel_damage", cut)]
    assert not Product.objects.exists()


@pytest.mark.covers("T60", "T63")
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_rows_full_of_nul_come_back_as_a_table(
    private: MemoryStore, user: User, delimiter: str
) -> None:
    good = "".join(f"S{n}{delimiter}{'x' * 200}\n" for n in range(50))
    bad = "".join(f"N{n}{delimiter}Boot{chr(0) * 100}\n" for n in range(20))
    first = imported(user, f"sku{delimiter}name\n{good}{bad}")

    second = imported(user, file_of(first))

    assert counts(first) == (50, 0, 0, 20)
    assert counts(second) == (0, 0, 0, 20)
    assert {code for _, code, _ in told(second)} == {"string_characters"}


def test_fixed_it_succeeds(private: MemoryStore, user: User) -> None:
    first = imported(user, "sku,name,color\nA,Shoe,red\n,Boot,\nB,,=1\nC,Hat\n")
    rows = list(csv.reader(io.StringIO(file_of(first).decode(), newline="")))
    rows[1][0], rows[2][1], rows[3][2], rows[3][5] = "A2", "Vest", "blue", ""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)

    second = imported(user, text.getvalue())

    assert counts(second) == (3, 0, 0, 0)
    named = Product.objects.order_by("sku").values_list("sku", "name", "color")
    assert list(named) == [
        ("A", "Shoe", "red"),
        ("A2", "Boot", ""),
        ("B", "Vest", "=1"),
        ("C", "Hat", "blue"),
    ]


def test_a_workbooks_errors_open_in_excel(private: MemoryStore, user: User) -> None:
    book = workbook({1: ["sku", "name"], 2: [None, "Größe"]})

    job = imported(user, book, filename="a.xlsx")

    assert file_of(job).startswith(b'\xef\xbb\xbf"sku","name","error_line"')
    assert faults(imported(user, file_of(job)))[0][2:] == ("sku", "missing")


@pytest.mark.covers("T66")
def test_every_error_is_streamed(private: MemoryStore, user: User) -> None:
    rows = 12_001

    job = imported(user, "sku,name\n" + ",\n".join(f"S{n}" for n in range(rows)) + ",\n")

    lines = file_of(job).decode().splitlines()
    assert counts(job) == (0, 0, 0, rows)
    assert [line.split(",")[0] for line in lines[1:]] == [f'"S{n}"' for n in range(rows)]


def test_the_template_imports(private: MemoryStore, user: User) -> None:
    job = imported(user, template())

    assert counts(job) == (1, 0, 0, 0)
    assert [column["field"] for column in job.columns] == list(FIELDS)


@hypothesis_settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    cells=st.lists(TEXT, min_size=1, max_size=4),
    delimiter=st.sampled_from(",;\t|"),
)
def test_any_refused_row_comes_back_as_it_was(
    private: MemoryStore, user: User, cells: list[str], delimiter: str
) -> None:
    header = ["sku", "name", *(f"other {n}" for n in range(len(cells)))]
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([header, ["", "Boot", *cells]])

    first = imported(user, text.getvalue())
    second = imported(user, file_of(first))

    kept = [BulkUploadRowError.objects.get(job=job).cells for job in (first, second)]
    assert kept[0] == kept[1]


def test_a_letter_the_encoding_lacks_becomes_a_question_mark() -> None:
    assert Dialect(encoding="cp1252").encode("ä\u4e00") == b"\xe4?"


def test_a_column_named_like_one_of_ours_stays_where_it_is(
    private: MemoryStore, user: User
) -> None:
    job = imported(user, "sku,name,error_code,brand\nA,,E5,Acme\n")
    [row] = csv.DictReader(io.StringIO(file_of(job).decode().replace("error_code", "own", 1)))

    assert (row["own"], row["brand"], row["error_code"]) == ("E5", "Acme", "missing")


def test_a_file_of_very_long_rows_is_written_in_the_memory_of_a_few(
    private: MemoryStore, user: User
) -> None:
    job = imported(user, "sku,name\n,Shoe\n")
    long = ["x" * 60_000] * 17  # what nobody's row says, but somebody may send
    for row in range(2, 62):
        cells = json.dumps(["", str(row), *long])
        BulkUploadRowError.objects.create(job=job, row=row, position=0, line=row + 1, cells=cells)
    tracemalloc.start()
    try:
        names = [name for piece in error_file(job) for name in _names_in(piece)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert names == ["Shoe", *(str(row) for row in range(2, 62))]
    assert peak < 40 * MIB


def _names_in(piece: bytes) -> list[str]:
    rows = csv.reader(io.StringIO(piece.decode("utf-8-sig"), newline=""))
    return [cells[1] for cells in rows if cells[1] != "name"]
