"""A row that cannot be read is refused; all other rows are imported."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts.models import User
from bulkupload.errors import NotATableError
from bulkupload.models import JobStatus
from bulkupload.tests.importing import RowCounts, errors_of, import_table, row_counts, stored_skus
from bulkupload.tests.workbook import workbook
from catalog.models import Product
from media.storage.testing.memory import MemoryStore

HEADER = ["sku", "name", "description"]


def stored_rows(user: User) -> list[list[str]]:
    rows = Product.objects.filter(user=user).order_by("sku")
    return [list(row) for row in rows.values_list(*HEADER)]


def test_lines_are_counted_as_in_an_editor(private: MemoryStore, user: User) -> None:
    job = import_table(
        user, 'sku,name,description\r\nA,Shoe,"1\r\n2\r\n3"\r\n\r\n,Boot,\r\nB,Hat,\r\n'
    )

    assert errors_of(job) == [(2, 6, "sku", "missing")]


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
def test_only_the_bad_row_is_refused(
    private: MemoryStore, user: User, row: bytes, code: str
) -> None:
    umlauts = "Größe Über".encode()  # so that the file is still read as UTF-8 with a bad byte

    job = import_table(user, b"sku,name\nX1," + umlauts + b"\n" + row + b"\nX2,Boot\nX3,Hat\n")

    assert [error[1::2] for error in errors_of(job)] == [(3, code)]
    assert row_counts(job) == RowCounts(created=3, failed=1)
    assert job.status == JobStatus.COMPLETED_WITH_ERRORS


def test_empty_cells_and_rows_after_the_table_are_ignored(private: MemoryStore, user: User) -> None:
    job = import_table(user, "sku,name,,\nA,Shoe,,\n,,,\n  ,,,\nB,Hat,,,,\n\n")

    assert row_counts(job) == RowCounts(created=2)


def test_rows_of_a_workbook_have_the_numbers_of_the_sheet(private: MemoryStore, user: User) -> None:
    book = workbook(
        {
            2: ["sku", "name", "description"],
            3: [12.0, "Shoe", "two\nlines"],
            6: ["A", None, None],
            7: [1.23e18, "Long", None],
            8: ["B", "Price", 2.5],
        }
    )

    job = import_table(user, book, filename="products.xlsx")

    assert job.dialect["format"] == "xlsx"
    assert stored_rows(user) == [["12", "Shoe", "two\nlines"], ["B", "Price", "2.5"]]
    assert errors_of(job) == [(2, 6, "name", "missing"), (3, 7, "sku", "excel_damage")]


@pytest.mark.covers("T62")
@hypothesis_settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(tail=st.binary(max_size=600) | st.text("\",;\t|\r\n='aé0 ", max_size=600).map(str.encode))
def test_every_row_of_any_file_has_one_outcome(
    private: MemoryStore, user: User, tail: bytes, two_rows_per_chunk: None
) -> None:
    try:
        job = import_table(user, b"sku,name\nA,Shoe\n" + tail)
    except NotATableError:
        return

    if job.status == JobStatus.FAILED:
        assert job.failure_code in {"duplicate_column", "missing_column", "unreadable", "no_header"}
    else:
        assert sum(row_counts(job)) == job.total_rows
        assert len({row for row, *_ in errors_of(job)}) == row_counts(job).failed


@pytest.mark.covers("T62")
def test_many_unclosed_quotes_take_linear_time(private: MemoryStore, user: User) -> None:
    """Each line leaves a quote open. Reading the rest again for each line would take hours."""
    job = import_table(user, "sku,name\n" + 'a","""x\n' * 150_000 + "A,Shoe\n")

    assert job.status == JobStatus.COMPLETED_WITH_ERRORS
    assert {code for _, _, _, code in errors_of(job)} == {"row_too_long", "quote_not_closed"}
    assert row_counts(job)._replace(failed=0) == RowCounts(created=1)


@pytest.mark.covers("T62")
def test_a_broken_row_includes_the_lines_of_its_closed_cells(
    private: MemoryStore, user: User
) -> None:
    job = import_table(user, 'sku,name,brand\nA,"two\nlines","open\nB,Hat,x\n')

    assert [error[1::2] for error in errors_of(job)] == [(2, "quote_not_closed")]
    assert stored_skus(user) == ["B"]


@pytest.mark.covers("T62")
def test_many_blank_lines_are_not_read_into_memory(
    private: MemoryStore, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bulkupload.services.rows.range_cache.FETCH_BYTES", 1024)

    job = import_table(user, "sku,name\nA,Shoe\n" + "\n" * 4096 + "B,Hat\n,\n,Boot\n")

    assert [error[1::2] for error in errors_of(job)] == [(4101, "missing")]
    assert stored_skus(user) == ["A", "B"]


@pytest.mark.covers("T62")
def test_a_closed_cell_of_many_lines_is_one_refused_row(private: MemoryStore, user: User) -> None:
    lines = "\n".join(f"fake{n},no product,x" for n in range(4000))

    job = import_table(user, f'sku,name,description\nA,Shoe,"{lines}"\nB,Boot,\n')

    assert errors_of(job) == [(1, 2, "", "cell_too_long")]
    assert stored_skus(user) == ["B"]
