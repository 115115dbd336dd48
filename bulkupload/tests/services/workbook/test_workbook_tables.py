"""The table of a workbook is found in any position, and cells outside it are reported."""

import subprocess
import zipfile
from io import BytesIO
from typing import Any

import pytest

from accounts.models import User
from bulkupload.errors import NothingToRetryError
from bulkupload.models import BulkUploadJob, BulkUploadRowError, JobStatus
from bulkupload.services import error_file, jobs
from bulkupload.tests.importing import RowCounts, errors_of, import_table, row_counts, stored_skus
from bulkupload.tests.workbook import MAIN, Cell, Raw, Rows, with_part, with_replacements, workbook
from catalog.models import Product
from media.storage.testing.memory import MemoryStore

HEADER: list[Cell] = ["sku", "name"]
COVER: Rows = {2: [None, "Exported from Numbers."], 4: [None, "Sheet", "Table"]}


def import_workbook(user: User, book: bytes, **options: object) -> BulkUploadJob:
    return import_table(user, book, filename="products.xlsx", **options)


def warnings(job: BulkUploadJob) -> list[tuple[int, str, str]]:
    warnings = BulkUploadRowError.objects.filter(job=job, severity="WARNING", row=0)
    return list(warnings.order_by("position").values_list("line", "code", "message"))


def number(value: float, style: int) -> Raw:
    return Raw(f"<v>{value}</v>", f's="{style}"')


def test_number_formats_are_part_of_skus(private: MemoryStore, user: User) -> None:
    book = workbook(
        {1: HEADER, 2: [number(7, 1), "Men boot"], 3: [number(7, 2), "Women boot"]},
        ['"M-"000', "\\W\\-000"],
    )

    job = import_workbook(user, book)

    assert row_counts(job) == RowCounts(created=2)
    assert stored_skus(user) == ["M-007", "W-007"]


@pytest.mark.parametrize(
    ("code", "shown"), [("d-mmm", "1-Feb"), ("h:mm", "0:00"), ("[$-407]mmmm", "46054")]
)
def test_a_date_is_refused_as_an_sku_and_again_in_the_error_file(
    private: MemoryStore, user: User, code: str, shown: str
) -> None:
    book = workbook({1: HEADER, 2: [number(46054, 1), "Boot"], 3: ["A", number(46054, 1)]}, [code])

    job = import_workbook(user, book)
    second_job = import_table(user, b"".join(error_file.error_file(job)))

    assert (1, 2, "sku", "excel_damage") in errors_of(job)
    assert shown in BulkUploadRowError.objects.filter(job=job, row=1).get().message
    assert (1, 2, "sku", "excel_damage") in errors_of(second_job)


def test_a_date_in_another_column_is_imported_as_shown(private: MemoryStore, user: User) -> None:
    book = workbook({1: HEADER, 2: ["A", number(46054, 1)]}, ["yyyy-mm-dd"])

    assert row_counts(import_workbook(user, book)) == RowCounts(created=1)
    assert Product.objects.get().name == "2026-02-01"


def test_a_date_that_depends_on_the_locale_is_refused(private: MemoryStore, user: User) -> None:
    book = with_replacements(
        workbook({1: HEADER, 2: ["A", number(46054, 1)], 3: [number(46054, 1), "Hat"]}, ["0"]),
        ('<xf numFmtId="164"/>', '<xf numFmtId="14"/>'),
    )

    job = import_workbook(user, book)

    assert errors_of(job) == [(1, 2, "name", "excel_damage"), (2, 3, "sku", "excel_damage")]
    values = BulkUploadRowError.objects.filter(job=job).order_by("row")
    assert list(values.values_list("value", flat=True)) == [
        "#FORMAT! 2026-02-01",
        "#DATE! 2026-02-01",
    ]


@pytest.mark.parametrize("code", ["0", "General", "#,##0"])
def test_a_number_with_more_than_fifteen_digits_is_not_an_sku(
    private: MemoryStore, user: User, code: str
) -> None:
    book = workbook({1: HEADER, 2: [number(1234567890123456, 1), "Boot"]}, [code])

    assert errors_of(import_workbook(user, book)) == [(1, 2, "sku", "excel_damage")]


def test_a_barcode_of_thirteen_digits_is_an_sku(private: MemoryStore, user: User) -> None:
    import_workbook(user, workbook({1: HEADER, 2: [4006381333931, "Pen"]}))

    assert stored_skus(user) == ["4006381333931"]


@pytest.mark.parametrize("value", ["1,5", "1E999", "NaN"])
def test_an_invalid_number_refuses_its_row(private: MemoryStore, user: User, value: str) -> None:
    book = workbook({1: HEADER, 2: ["A", Raw(f"<v>{value}</v>")], 3: ["B", "Hat"]})

    job = import_workbook(user, book)

    assert errors_of(job) == [(1, 2, "name", "excel_damage")]
    assert row_counts(job) == RowCounts(created=1, failed=1)


def test_the_table_is_found_on_the_second_sheet(private: MemoryStore, user: User) -> None:
    table: Rows = {1: ["Spring 2026"], 3: HEADER, 4: ["NU-1", "Boot"], 5: [None, "Hat"]}

    job = import_workbook(user, workbook(COVER, others={"Boots": table}))

    assert row_counts(job) == RowCounts(created=1, failed=1)
    assert errors_of(job) == [(2, 5, "sku", "missing")]
    assert warnings(job) == []


def test_a_missing_table_is_reported_with_what_was_read(private: MemoryStore, user: User) -> None:
    job = import_workbook(
        user, workbook(COVER, others={"Lists": {3: ["Artikel", "Name"], 4: ["A", "B"]}})
    )

    assert (job.status, job.failure_code, job.failure_line) == ("FAILED", "missing_column", 3)
    assert job.failure_message.endswith('Read from sheet "Lists", line 3: Artikel | Name')
    assert [column["name"] for column in job.columns] == ["Artikel", "Name"]


def test_a_mapping_selects_the_header(private: MemoryStore, user: User) -> None:
    book = workbook(COVER, others={"Lists": {3: ["Artikel", "Titel"], 4: ["A", "B"]}})

    import_workbook(user, book, mapping={"Artikel": "sku", "Titel": "name"})

    assert stored_skus(user) == ["A"]


def test_other_sheets_with_a_table_are_named(private: MemoryStore, user: User) -> None:
    job = import_workbook(
        user, workbook({1: HEADER, 2: ["A", "Boot"]}, others={"Hats": {1: HEADER}})
    )

    assert job.status == JobStatus.COMPLETED_WITH_ERRORS
    assert warnings(job) == [
        (
            1,
            "other_sheets",
            'Only sheet "Products" was imported. Send the others separately: "Hats".',
        )
    ]


def test_cells_outside_the_table_are_reported(private: MemoryStore, user: User) -> None:
    book = workbook(
        {
            2: [None, *HEADER, None, "brand"],
            3: [None, "A", "Boot", "under no name", "Us"],
            4: ["left", "B", "Hat", None, None, None, "right"],
            9: [None, None, None, None, None, None, "alone"],
        }
    )

    job = import_workbook(user, book)

    assert row_counts(job) == RowCounts(created=2)
    assert warnings(job) == [
        (
            3,
            "cells_outside_table",
            (
                'Cells outside the table were not imported (4): D3 "under no name", A4 "left", '
                'G4 "right", G9 "alone".'
            ),
        )
    ]
    assert b"".join(error_file.error_file(job)).count(b"\n") == 1
    with pytest.raises(NothingToRetryError):
        jobs.retry(user=user, job_id=job.pk)


def test_hidden_rows_are_imported_and_counted(private: MemoryStore, user: User) -> None:
    book = workbook({1: HEADER, 2: ["A", "Boot"], 3: ["B", "Hat"], 4: ["C", "Bag"]})

    job = import_workbook(user, with_replacements(book, ('<row r="3"', '<row hidden="1" r="3"')))

    assert row_counts(job) == RowCounts(created=3)
    assert warnings(job) == [
        (3, "hidden_rows", "Hidden or filtered rows were imported (1): line 3.")
    ]


@pytest.mark.parametrize("blank", [Raw(""), Raw("<v></v>"), " ", Raw("", 's="0"')])
def test_a_distant_blank_cell_is_ignored(private: MemoryStore, user: User, blank: Cell) -> None:
    book = with_replacements(
        workbook({1: HEADER, 2: ["A", "Boot"], 4: [blank]}),
        ('r="A4"', 'r="XFD1048576"'),
        ('<row r="4"', '<row r="1048576"'),
        ("<sheetData>", '<dimension ref="A1:XFD1048576"/><sheetData>'),
    )

    job = import_workbook(user, book)

    assert row_counts(job) == RowCounts(created=1)
    assert job.status == JobStatus.COMPLETED


def test_a_header_of_two_rows_includes_merged_cells(private: MemoryStore, user: User) -> None:
    merges = "<mergeCells><mergeCell ref='A1:A2'/><mergeCell ref='B1:B2'/><mergeCell ref='C1:D1'/>"
    book = workbook(
        {
            1: ["sku", "name", "Details"],
            2: [None, None, "brand", "color"],
            3: ["A", "Boot", "Us", "red"],
        }
    )

    job = import_workbook(
        user, with_replacements(book, ("</sheetData>", f"</sheetData>{merges}</mergeCells>"))
    )

    assert row_counts(job) == RowCounts(created=1)
    assert Product.objects.values_list("brand", "color").get() == ("Us", "red")


def test_unknown_columns_of_a_wide_sheet_are_reported(private: MemoryStore, user: User) -> None:
    names: list[Cell] = [f"attribute {number}" for number in range(998)]

    job = import_workbook(user, workbook({1: [*HEADER, *names], 2: ["A", "Boot", *names]}))

    assert row_counts(job) == RowCounts(created=1)
    assert [column["name"] for column in job.columns if not column["field"]] == names


def test_parts_are_found_with_any_case_and_slashes(private: MemoryStore, user: User) -> None:
    with zipfile.ZipFile(BytesIO(workbook({1: HEADER, 2: ["A", "Boot"]}))) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, body in parts.items():
            archive.writestr(name.replace("/", "\\").replace("workbook", "WorkBook"), body)

    assert row_counts(import_workbook(user, buffer.getvalue())) == RowCounts(created=1)


def test_text_is_read_in_any_representation(private: MemoryStore, user: User) -> None:
    shared_strings = (
        f'<sst xmlns="{MAIN}"><si><t>A</t></si><si><r><t>Ox</t></r><r><rPr/><t>ford</t></r>'
        "<rPh><t>sound</t></rPh></si></sst>"
    )
    rows: Rows = {
        1: HEADER,
        2: [Raw("<v>0</v>", 't="s"'), Raw("<v>1</v>", 't="s"')],
        3: [Raw("<is><r><t>B</t></r></is>", 't="inlineStr"'), Raw("<v>1</v>", 't="b"')],
        4: [Raw("<f>A2</f><v>C_x002D_1</v>", 't="str"'), Raw("<v>007</v>", 't="str"')],
    }

    import_workbook(user, with_part(workbook(rows), "xl/SharedStrings.xml", shared_strings))

    stored_rows = Product.objects.order_by("sku").values_list("sku", "name")
    assert list(stored_rows) == [("A", "Oxford"), ("B", "TRUE"), ("C-1", "007")]


def test_a_workbook_that_takes_long_is_read(
    private: MemoryStore, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bulkupload.services.workbook.convert.POLL_SECONDS", 0.001)

    job = import_workbook(user, workbook({1: HEADER, 2: ["A", "Boot"]}))

    assert row_counts(job) == RowCounts(created=1)


def test_a_workbook_is_read_even_if_the_first_poll_times_out_at_once(
    private: MemoryStore, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    communicate = subprocess.Popen.communicate
    timeouts = iter([-1.0])

    def time_out_first(child: Any, data: Any = None, timeout: float | None = None) -> Any:
        return communicate(child, data, next(timeouts, timeout))

    monkeypatch.setattr(subprocess.Popen, "communicate", time_out_first)
    monkeypatch.setattr("bulkupload.services.workbook.convert.MAX_WORKBOOK_SECONDS", 20)

    job = import_workbook(user, workbook({1: HEADER, 2: ["A", "Boot"]}))

    assert row_counts(job) == RowCounts(created=1)


def test_a_broken_sheet_does_not_hide_the_table(private: MemoryStore, user: User) -> None:
    book = workbook({1: HEADER, 2: ["A", "Boot"]}, others={"Notes": {1: ["BROKEN"]}})

    job = import_workbook(user, with_replacements(book, ("BROKEN", "<")))

    assert row_counts(job) == RowCounts(created=1)
