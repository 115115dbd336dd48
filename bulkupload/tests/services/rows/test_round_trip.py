"""Error files that are sent again: unchanged, corrected, or by a retry."""

import csv
import io

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts.models import User
from bulkupload.models import BulkUploadJob, BulkUploadRowError
from bulkupload.services import jobs
from bulkupload.tests.importing import (
    RowCounts,
    error_file_of,
    errors_by_column,
    import_table,
    row_counts,
    run_job,
)
from bulkupload.tests.workbook import workbook
from catalog.models import Product
from media.storage.testing.memory import MemoryStore

TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], include_characters="\t\r\n"),
    max_size=12,
)


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
def test_an_unchanged_error_file_has_the_same_errors_again(
    private: MemoryStore, user: User, *, handle: bool
) -> None:
    table = BAD if handle else BAD.replace("Handle,", "Place,").replace("h,,,", "h,Z,,")
    first = import_table(user, table)

    second = import_table(user, error_file_of(first))
    third = import_table(user, error_file_of(second))

    codes = [
        [(column, code) for column, code, _ in errors_by_column(job)]
        for job in (first, second, third)
    ]
    assert codes[0] == codes[1] == codes[2]
    assert row_counts(first).created == (2 if handle else 1)  # a variant inherits a missing name
    assert row_counts(second) == row_counts(third) == RowCounts(failed=row_counts(first).failed)
    assert Product.objects.count() == row_counts(first).created


@pytest.mark.covers("T60", "T62")
@pytest.mark.parametrize(
    ("table", "created_count"),
    [
        # The error file has only the refused rows, without the rows that caused the refusals.
        (b"sku;name\r\n0901231;a\r\n0901232;b\r\n90789;c\r\n", 2),
        ("sku,name\nU,Größe ü\nV,Größe ü\n".encode() + b"B,Caf\xe9 M\xfcller\n", 2),
        ("sku,name\nU,Größe ü\nV,Größe ü\n".encode() + b'B,"Caf\xe9 \xfc "x"\n', 2),
        (b'Title,URL handle,SKU\nTee,tee,1\n"Hat "b"",h,2\n"Cap "s"",c,3\nBag,bag,4\n', 2),
        (f"Handle,Title,SKU\ns,Shirt,1\ns,{'x' * 300},2\nh,Hat,3\ns,Shirt,\n".encode(), 2),
        (b"Handle,Title,SKU,Image Src\ns,Shirt,1,\ns,,\ns,,,https://a.example/x,y.jpg\n", 1),
        (b"sku,name," + ",".join(f"c{n}" for n in range(98)).encode() + b"\n1" + b"," * 99, 0),
    ],
    ids=["zeros", "bytes", "broken", "quotes", "variant", "images", "columns"],
)
def test_rows_that_were_refused_because_of_other_rows_stay_refused(
    private: MemoryStore, user: User, table: bytes, created_count: int
) -> None:
    first = import_table(user, table)
    names = list(Product.objects.order_by("sku").values_list("name", flat=True))

    second_job = import_table(user, error_file_of(first))
    retry_job = run_job(jobs.retry(user=user, job_id=first.pk))

    codes = [
        [code for _, code, _ in errors_by_column(job)] for job in (first, second_job, retry_job)
    ]
    assert codes[0] == codes[1] == codes[2] != []
    assert row_counts(first) == RowCounts(created=created_count, failed=len(codes[0]))
    assert (
        row_counts(second_job)
        == row_counts(retry_job)
        == RowCounts(failed=row_counts(first).failed)
    )
    assert list(Product.objects.order_by("sku").values_list("name", flat=True)) == names


def test_a_row_is_imported_once_its_error_code_is_cleared(private: MemoryStore, user: User) -> None:
    first = import_table(user, "sku,name\n0901231,a\n0901232,b\n90789,c\n")
    rows = list(csv.reader(io.StringIO(error_file_of(first).decode(), newline="")))
    rows[1][rows[0].index("error_code")] = ""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)

    second = import_table(user, text.getvalue())

    assert row_counts(second) == RowCounts(created=1)
    assert Product.objects.filter(sku="90789").exists()


@pytest.mark.parametrize(
    ("refused", "corrected"),
    [
        ("90789", "0090789"),
        ("90789", "1234567"),
        ("12345.0", "12345"),
        ("1.2E+5", "120000"),
        ("1234567890123450000", "1234567890123456789"),
    ],
)
def test_a_corrected_sku_is_imported_even_if_its_error_code_remains(
    private: MemoryStore, user: User, refused: str, corrected: str
) -> None:
    first = import_table(user, f"sku,name\n0901231,a\n0901232,b\n{refused},c\n")
    assert errors_by_column(first) == [("sku", "excel_damage", refused)]

    second = import_table(
        user, error_file_of(first).replace(refused.encode(), corrected.encode(), 1)
    )

    assert row_counts(second) == RowCounts(created=1)
    assert Product.objects.filter(sku=corrected).exists()


def test_a_damaged_sku_is_refused_again_even_if_the_message_was_changed(
    private: MemoryStore, user: User
) -> None:
    first = import_table(user, "sku,name\n0901231,a\n0901232,b\n90789,c\n")
    message = BulkUploadRowError.objects.get(job=first).message

    second = import_table(user, error_file_of(first).replace(message.encode(), b"translated"))
    third = import_table(user, error_file_of(second))

    assert (
        errors_by_column(first)
        == errors_by_column(second)
        == errors_by_column(third)
        == [("sku", "excel_damage", "90789")]
    )
    assert BulkUploadRowError.objects.get(job=third).message == message


@pytest.mark.parametrize("paddings", [["00", "0000"], ["0000", "00"]])
def test_a_damaged_sku_is_as_long_as_the_longest_of_the_tables_that_had_it(
    private: MemoryStore, user: User, paddings: list[str]
) -> None:
    for padding in paddings:
        table = f"sku,name\n{padding}01231,a\n{padding}01232,b\n90789,c\n"
        first_job = import_table(user, table)

    second_job = import_table(user, error_file_of(first_job))

    assert errors_by_column(second_job) == [("sku", "excel_damage", "90789")]
    assert "000090789" in BulkUploadRowError.objects.get(job=second_job).message


@pytest.mark.parametrize("cell", ["90789 ", "\u00a090789", '"=""90789"""', "90789\u200b"])
def test_a_damaged_sku_is_refused_again_after_a_spreadsheet_saved_the_error_file(
    private: MemoryStore, user: User, cell: str
) -> None:
    first = import_table(user, f"sku,name\n0901231,a\n0901232,b\n{cell},c\n")
    rows = list(csv.reader(io.StringIO(error_file_of(first).decode(), newline="")))
    rows[1][0] = "90789"  # without the characters that a spreadsheet or a person removes
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)

    second = import_table(user, text.getvalue())

    assert errors_by_column(first) == errors_by_column(second) == [("sku", "excel_damage", "90789")]
    assert not Product.objects.filter(sku="90789").exists()


def test_a_long_number_stored_as_text_is_still_exact_in_a_retry(
    private: MemoryStore, user: User
) -> None:
    exact, truncated = "400638133393000000", "400638133393111000"
    first = import_table(user, workbook({1: ["sku", "name"], 2: [exact, ""]}), filename="p.xlsx")
    table = import_table(user, f"sku,name\n{truncated},Shoe\n")

    first_retry = run_job(jobs.retry(user=user, job_id=first.pk))
    third = run_job(jobs.retry(user=user, job_id=first_retry.pk))
    second_retry = run_job(jobs.retry(user=user, job_id=table.pk))

    assert (
        errors_by_column(first)
        == errors_by_column(first_retry)
        == errors_by_column(third)
        == [("name", "missing", "")]
    )
    assert (
        errors_by_column(second_retry)
        == errors_by_column(table)
        == [("sku", "excel_damage", truncated)]
    )
    assert not Product.objects.exists()


@pytest.mark.covers("T60", "T63")
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_an_error_file_full_of_nul_characters_is_still_a_table(
    private: MemoryStore, user: User, delimiter: str
) -> None:
    valid_rows = "".join(f"S{n}{delimiter}{'x' * 200}\n" for n in range(50))
    refused_rows = "".join(f"N{n}{delimiter}Boot{chr(0) * 100}\n" for n in range(20))
    first = import_table(user, f"sku{delimiter}name\n{valid_rows}{refused_rows}")

    second = import_table(user, error_file_of(first))

    assert row_counts(first) == RowCounts(created=50, failed=20)
    assert row_counts(second) == RowCounts(failed=20)
    assert {code for _, code, _ in errors_by_column(second)} == {"string_characters"}


def test_a_corrected_error_file_is_imported(private: MemoryStore, user: User) -> None:
    first = import_table(user, "sku,name,color\nA,Shoe,red\n,Boot,\nB,,=1\nC,Hat\n")
    rows = list(csv.reader(io.StringIO(error_file_of(first).decode(), newline="")))
    rows[1][0], rows[2][1], rows[3][2], rows[3][5] = "A2", "Vest", "blue", ""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)

    second = import_table(user, text.getvalue())

    assert row_counts(second) == RowCounts(created=3)
    names = Product.objects.order_by("sku").values_list("sku", "name", "color")
    assert list(names) == [
        ("A", "Shoe", "red"),
        ("A2", "Boot", ""),
        ("B", "Vest", "=1"),
        ("C", "Hat", "blue"),
    ]


@st.composite
def rows_of_cells(draw: st.DrawFn) -> list[list[str]]:
    width = draw(st.integers(min_value=1, max_value=4))
    cells = st.lists(TEXT, min_size=width, max_size=width)
    return draw(st.lists(cells, min_size=1, max_size=12))


@hypothesis_settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=rows_of_cells(), delimiter=st.sampled_from(",;\t|"))
def test_any_refused_row_is_the_same_in_the_error_file(
    private: MemoryStore, user: User, rows: list[list[str]], delimiter: str
) -> None:
    header = ["sku", "name", *(f"other {n}" for n in range(len(rows[0])))]
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([header, *(["", "Boot", *cells] for cells in rows)])

    first = import_table(user, text.getvalue())
    second = import_table(user, error_file_of(first))

    assert refused_cells(first) == refused_cells(second)
    assert len(refused_cells(first)) == len(rows)


def refused_cells(job: BulkUploadJob) -> list[str]:
    errors = BulkUploadRowError.objects.filter(job=job).order_by("row", "position")
    return list(errors.values_list("cells", flat=True))
