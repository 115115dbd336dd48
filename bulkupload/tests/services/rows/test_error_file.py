"""The error file: safe to open in a spreadsheet, and in the dialect of the table."""

import csv
import io
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from bulkupload.models import BulkUploadRowError
from bulkupload.rules.rows.columns import FIELDS, ROW_FIELDS
from bulkupload.rules.rows.formulas import is_unsafe, quote_formula, unquote_formula
from bulkupload.rules.table.dialects import Dialect
from bulkupload.services.error_file import DOWNLOAD_TIME, error_file, template
from bulkupload.tests.importing import RowCounts, error_file_of, errors_of, import_table, row_counts
from bulkupload.tests.workbook import workbook
from catalog.models import Product
from media.storage.testing.memory import MemoryStore
from sartiq.core.limits.request_limits import RequestLimits, limited

TRIGGERS = [
    *("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"),
    *("'=", '"=', " =", "''=", "'\t", "\u2019+", " \t@"),
]


TEXTS = list(ROW_FIELDS)


MIB = 1024 * 1024


@pytest.mark.covers("T60")
@pytest.mark.parametrize("trigger", TRIGGERS)
def test_a_formula_is_unchanged_in_json_and_harmless_in_csv(
    private: MemoryStore, user: User, trigger: str
) -> None:
    formula = f"{trigger}cmd|' /C calc'!A0"
    refused_rows = {field: refused_row_with(formula, field) for field in TEXTS}
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, TEXTS, quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(refused_rows.values())

    job = import_table(user, text.getvalue())

    error_rows = list(csv.DictReader(io.StringIO(error_file_of(job).decode(), newline="")))
    for (field, row), cells in zip(refused_rows.items(), error_rows, strict=True):
        assert cells[field] == "'" + formula
        assert not any(is_unsafe(cell.lstrip("'")) and cell[0] != "'" for cell in cells.values())
        assert [cells[name] for name in TEXTS if name != field] == [
            row[name] for name in TEXTS if name != field
        ]
    assert error_file_of(job).count(b'"') >= (1 + len(TEXTS)) * 2 * (len(TEXTS) + 4)

    fixed_table = error_file_of(job).replace(b"y" * 101, b"y")
    assert row_counts(import_table(user, fixed_table)) == RowCounts(created=len(TEXTS))
    for field in TEXTS:
        sku = formula.strip() if field == "sku" else f"S-{field}"
        assert Product.objects.values_list(field, flat=True).get(sku=sku) == formula.strip()


def refused_row_with(text: str, field: str) -> dict[str, str]:
    """Return a row with this text in one field and another field that is too long."""
    row = dict.fromkeys(TEXTS, "x") | {"sku": f"S-{field}"} | {field: text}
    return row | {"gender" if field != "gender" else "color": "y" * 101}


@given(st.text(max_size=20) | st.text("'\"=+-@ \t\r\n\uff1dx", max_size=8))
def test_quoting_a_formula_is_lossless(cell: str) -> None:
    assert unquote_formula(quote_formula(cell)) == cell
    assert not is_unsafe(cell) or quote_formula(cell) == "'" + cell


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_an_error_file_has_the_dialect_of_its_table(
    private: MemoryStore, user: User, codec: str, delimiter: str
) -> None:
    rows = [["Größe", "SKU", "Title"], ["é", "", "Boot\r\nlow"], ["é", "A", "Fine"]]
    body = "\r\n".join(delimiter.join('"' + cell + '"' for cell in row) for row in rows).encode(
        codec
    )

    job = import_table(user, body)
    errors = error_file_of(job)

    assert errors.startswith(body[:4] if codec != "cp1252" else b'"Gr')
    lines = csv.reader(io.StringIO(errors.decode(codec), newline=""), delimiter=delimiter)
    assert list(lines) == [
        [*rows[0], "error_line", "error_column", "error_code", "error_message"],
        [*rows[1], "2", "SKU", "missing", "Every row needs a sku. Fill this cell."],
    ]


def test_the_error_file_of_a_workbook_opens_in_excel(private: MemoryStore, user: User) -> None:
    book = workbook({1: ["sku", "name"], 2: [None, "Größe"]})

    job = import_table(user, book, filename="a.xlsx")

    assert error_file_of(job).startswith(b'\xef\xbb\xbf"sku","name","error_line"')
    assert errors_of(import_table(user, error_file_of(job)))[0][2:] == ("sku", "missing")


@pytest.mark.covers("T66")
def test_every_error_is_streamed(private: MemoryStore, user: User) -> None:
    rows = 12_001

    job = import_table(user, "sku,name\n" + ",\n".join(f"S{n}" for n in range(rows)) + ",\n")

    lines = error_file_of(job).decode().splitlines()
    assert row_counts(job) == RowCounts(failed=rows)
    assert [line.split(",")[0] for line in lines[1:]] == [f'"S{n}"' for n in range(rows)]


def test_the_template_can_be_imported(private: MemoryStore, user: User) -> None:
    job = import_table(user, template())

    assert row_counts(job) == RowCounts(created=1)
    assert [column["field"] for column in job.columns] == list(FIELDS)


def test_a_letter_missing_from_the_encoding_becomes_a_question_mark() -> None:
    assert Dialect(encoding="cp1252").encode("ä\u4e00") == b"\xe4?"


def test_a_column_named_like_an_error_column_is_preserved(private: MemoryStore, user: User) -> None:
    job = import_table(user, "sku,name,error_code,brand\nA,,E5,Acme\n")
    [row] = csv.DictReader(io.StringIO(error_file_of(job).decode().replace("error_code", "own", 1)))

    assert (row["own"], row["brand"], row["error_code"]) == ("E5", "Acme", "missing")


def test_an_error_file_of_very_long_rows_needs_little_memory(
    private: MemoryStore, user: User
) -> None:
    job = import_table(user, "sku,name\n,Shoe\n")
    long_cells = ["x" * 60_000] * 17  # in columns without a name
    for row in range(2, 62):
        cells = json.dumps(["", str(row), *long_cells])
        BulkUploadRowError.objects.create(job=job, row=row, position=0, line=row + 1, cells=cells)
    tracemalloc.start()
    try:
        names = [name for chunk in error_file(job) for name in _names_in(chunk)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert names == ["Shoe", *(str(row) for row in range(2, 62))]
    assert peak < 40 * MIB


def _names_in(chunk: bytes) -> list[str]:
    rows = csv.reader(io.StringIO(chunk.decode("utf-8-sig"), newline=""))
    return [cells[1] for cells in rows if cells[1] != "name"]


def test_a_download_may_take_longer_than_other_requests(private: MemoryStore, user: User) -> None:
    job = import_table(user, "sku,name\nA,\n")
    blocked: list[RequestLimits] = []

    def take_permit(limits: RequestLimits) -> bool:
        blocked.append(limits)
        return True

    limits = RequestLimits(5, take_permit=take_permit, return_permit=blocked.remove)
    others_end = limits.ends

    with limited(limits):
        assert b"".join(error_file(job))

    assert blocked == [limits]
    assert limits.ends == pytest.approx(others_end - 5 + DOWNLOAD_TIME.total_seconds())
