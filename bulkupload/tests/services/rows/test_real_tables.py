"""Tables of real users: joined, exported, pasted, in national encodings."""

import pytest
from pytest_django import Settings

from accounts.models import User
from bulkupload.errors import NothingToRetryError
from bulkupload.models import BulkUploadJob, BulkUploadRowError, JobStatus
from bulkupload.rules.rows.image_cells import read_cell
from bulkupload.services import error_file, jobs
from bulkupload.tests.importing import RowCounts, errors_of, import_table, row_counts, stored_skus
from catalog.models import Product
from media.storage.testing.memory import MemoryStore

pytestmark = pytest.mark.covers("T62")


def names(user: User) -> dict[str, str]:
    rows = Product.objects.filter(user=user).order_by("sku")
    return {sku or "": name for sku, name in rows.values_list("sku", "name")}


def warnings(job: BulkUploadJob) -> list[tuple[int, int, str, str]]:
    rows = BulkUploadRowError.objects.filter(job=job, severity="WARNING")
    return [*rows.order_by("row", "position").values_list("row", "line", "code", "message")]


# --- Identifiers ------------------------------------------------------------------------------
def test_skus_that_differ_in_invisible_characters_are_equal(
    private: MemoryStore, user: User
) -> None:
    import_table(user, "sku,name\n" + "".join(f"INV-{n},Plain\n" for n in range(1, 8)))

    job = import_table(
        user,
        "sku,name\nINV-1\u200b,a\n\u200eINV-2,b\nINV\u00ad-3,c\n\ufeffINV-4,d\nINV-5\u00a0,e\n"
        "\u2060INV-6\u2007,f\n\u3000INV-7,g\n",
    )

    assert (job.status, row_counts(job)) == (JobStatus.COMPLETED, RowCounts(updated=7))
    assert names(user) == {f"INV-{n}": "abcdefg"[n - 1] for n in range(1, 8)}


def test_composed_and_decomposed_letters_are_equal_in_skus(
    private: MemoryStore, user: User
) -> None:
    import_table(user, "sku,name\nCAF\u00c9-1,a\n")

    job = import_table(user, "sku,name\nCAFE\u0301-1,b\n")

    assert (row_counts(job), names(user)) == (RowCounts(updated=1), {"CAF\u00c9-1": "b"})


@pytest.mark.parametrize("cell", ["A-1\u200b", '"=""A-1"""', '=" A-1"'])
def test_skus_that_look_alike_are_equal_across_chunks(
    private: MemoryStore, user: User, settings: Settings, cell: str
) -> None:
    settings.BULK_CHUNK_ROWS = 2

    job = import_table(user, f"sku,name\nA-1,first\nB,x\nC,y\n{cell},last\n")

    assert (row_counts(job), names(user)["A-1"]) == (RowCounts(created=3, updated=1), "last")
    assert [code for _, _, code, _ in warnings(job)] == ["repeated_sku"]


@pytest.mark.parametrize(
    ("cell", "sku"),
    [
        *(('="00123"', "00123"), ('"=""0456"""', "0456"), ("A\u00a0B", "A B")),
        *(('"=""A b"""', "A b"), ('"=""5"""" x"""', '5" x')),
    ],
)
def test_a_formula_around_a_sku_is_removed(
    private: MemoryStore, user: User, cell: str, sku: str
) -> None:
    job = import_table(user, f'sku,name\n{cell},"="" Boot """\n')

    assert (job.status, names(user)) == (JobStatus.COMPLETED, {sku: "Boot"})


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        *(("nan", "missing"), ("NaN", "missing"), ("None", "missing"), ("<NA>", "missing")),
        *(("NULL", "missing"), ("\u200b", "missing"), ('"="""""', "missing")),
        *(("12345.0", "excel_damage"), ("7.00", "excel_damage")),
    ],
)
def test_words_for_empty_cells_and_decimals_are_not_skus(
    private: MemoryStore, user: User, cell: str, code: str
) -> None:
    job = import_table(user, f"sku,name\n{cell},Boot\nB,Hat\n")

    assert errors_of(job) == [(1, 2, "sku", code)]
    assert stored_skus(user) == ["B"]


def test_a_refused_decimal_is_refused_again_in_the_error_file(
    private: MemoryStore, user: User
) -> None:
    job = import_table(user, "sku,name\n12345.0,Boot\n")

    second_job = import_table(user, b"".join(error_file.error_file(job)))

    assert errors_of(second_job) == [(1, 2, "sku", "excel_damage")]


# --- Concatenated files, Ctrl-Z and spaces -------------------------------------------------------
@pytest.mark.parametrize("rows_per_chunk", [1, 2, 5000])
@pytest.mark.parametrize("quote", ["", '"two\nlines"'])
def test_a_repeated_header_is_skipped_with_a_warning(
    private: MemoryStore,
    user: User,
    settings: Settings,
    rows_per_chunk: int,
    quote: str,
) -> None:
    settings.BULK_CHUNK_ROWS = rows_per_chunk
    header = "\ufeffid,sku,name,color\n"

    job = import_table(
        user, f"{header}1,A,Boot,{quote}\n{header}2,B,Hat,\nid,sku, name,color,\n3,C,x,\n"
    )

    assert (job.status, row_counts(job)) == (JobStatus.COMPLETED_WITH_ERRORS, RowCounts(created=3))
    assert names(user) == {"A": "Boot", "B": "Hat", "C": "x"}
    lines = (4, 6) if quote else (3, 5)
    message = f"The header is repeated in lines {lines[0]}, {lines[1]} and was skipped there."
    assert warnings(job) == [(0, lines[0], "repeated_header", message)]


@pytest.mark.parametrize(
    "repeated_header", ["SKU,Name,Color", "\ufeffSku, NAME ,color", '"sku" ,"name","color" ']
)
def test_a_header_is_recognized_in_any_case(
    private: MemoryStore, user: User, repeated_header: str
) -> None:
    job = import_table(user, f"sku,name,color\nA,Boot,red\n{repeated_header}\nB,Hat,blue\n")

    assert names(user) == {"A": "Boot", "B": "Hat"}
    message = "The header is repeated in line 3 and was skipped there."
    assert warnings(job) == [(0, 3, "repeated_header", message)]


def test_a_warning_about_the_table_leaves_nothing_to_retry(
    private: MemoryStore, user: User
) -> None:
    job = import_table(user, "sku,name\nA,Boot\nsku,name\nB,Hat\n")

    assert b"".join(error_file.error_file(job)).count(b"\r\n") <= 1
    with pytest.raises(NothingToRetryError):
        jobs.retry(user=user, job_id=job.pk)


@pytest.mark.parametrize("end", ["\x1a", "\x1a\r\n", "\r\n\x1a", "\r\n" + "\x1a" * 200])
def test_a_ctrl_z_at_the_end_of_a_file_is_ignored(
    private: MemoryStore, user: User, end: str
) -> None:
    job = import_table(user, f"sku,name,color\r\nA,Boot,red\r\nB,Hat,blue{end}")

    assert (job.status, row_counts(job)) == (JobStatus.COMPLETED, RowCounts(created=2))
    assert Product.objects.get(sku="B").color == "blue"


def test_spaces_before_quotes_are_ignored(private: MemoryStore, user: User) -> None:
    job = import_table(
        user, 'sku, name, description\nA, "Shoe, brown", "soft,\n warm"\nB,  "Boot",x\nC, Hat, y\n'
    )

    assert (job.status, row_counts(job)) == (JobStatus.COMPLETED, RowCounts(created=3))
    assert names(user) == {"A": "Shoe, brown", "B": "Boot", "C": "Hat"}


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_spaces_after_quotes_are_ignored(private: MemoryStore, user: User, end: str) -> None:
    job = import_table(
        user,
        '"sku" ,"name" , "color"\nA,"Shoe, brown" ,"red"\n"B" , "He said ""x"" , y"  ,  "blue" \n'
        f'C,"Boots",\nD,"Two\nlines"  ,"a" \n"E","x" y,z\n"F" ,"last" ,"green" {end}',
    )

    assert row_counts(job) == RowCounts(created=5, failed=1)
    assert errors_of(job) == [(5, 7, "", "quote_misplaced")]
    assert names(user) == {
        "A": "Shoe, brown",
        "B": 'He said "x" , y',
        "C": "Boots",
        "D": "Two\nlines",
        "F": "last",
    }
    assert set(Product.objects.values_list("color", flat=True)) == {"red", "blue", "", "a", "green"}


# --- The table is not at the top --------------------------------------------------------------
@pytest.mark.parametrize(
    ("title_rows", "delimiter"),
    [
        ("Autumn/Winter 2026,,\n\n", ","),
        ("Autumn; Winter; 2026\nexported by Ada\n", ";"),
        ("sep=;\nPrice list\n", ";"),
        ('"A title\nof two lines"\n', ","),
    ],
)
def test_the_header_is_found_below_title_rows(
    private: MemoryStore, user: User, title_rows: str, delimiter: str
) -> None:
    table = "sku,name,color\nA,Boot,red\n,Hat,blue\n".replace(",", delimiter)

    job = import_table(user, title_rows + table)

    line = title_rows.count("\n") + 1
    assert errors_of(job) == [(2, line + 2, "sku", "missing")]
    assert names(user) == {"A": "Boot"}


def test_a_missing_header_is_reported_with_what_was_read(private: MemoryStore, user: User) -> None:
    job = import_table(user, "Price list\nskuu,title,colour\n1,Boot,red\n")

    assert (job.failure_code, job.failure_line) == ("missing_column", 2)
    assert "skuu | title | colour" in job.failure_message
    assert [column["name"] for column in job.columns] == ["skuu", "title", "colour"]


# --- Encodings --------------------------------------------------------------------------------
def test_a_guessed_encoding_causes_a_warning_that_says_what_to_do(
    private: MemoryStore, user: User
) -> None:
    job = import_table(user, "sku;name\nA;Żółta koszula\nB;Płaszcz wełniany\n".encode("cp1250"))

    assert (job.status, row_counts(job)) == (JobStatus.COMPLETED_WITH_ERRORS, RowCounts(created=2))
    assert names(user) == {"A": "Żółta koszula", "B": "Płaszcz wełniany"}
    assert job.dialect["encoding"] == "cp1250"
    assert job.dialect["confidence"] < 0.9
    [(row, line, code, message)] = warnings(job)
    assert (row, line, code) == (0, 1, "encoding_guessed")
    assert "windows-1250" in message
    assert "encoding=" in message


@pytest.mark.parametrize("codec", ["cp1250", "cp932", "gb18030", "koi8-r", "utf-16-le", "cp1251"])
def test_a_stated_encoding_is_used_without_a_warning(
    private: MemoryStore, user: User, settings: Settings, codec: str
) -> None:
    settings.BULK_CHUNK_ROWS = 2
    word = {
        "cp1250": "Żółta",
        "cp932": "革靴",
        "gb18030": "红色",
        "cp1251": "Шуба",
        "koi8-r": "Шуба",
    }
    name = word.get(codec, "Żółta 革靴")
    rows = "".join(f"S{n};{name} {n}\r\n" for n in range(5))

    job = import_table(user, f"sku;name\r\n{rows};{name}\r\n".encode(codec), encoding=codec)

    assert row_counts(job) == RowCounts(created=5, failed=1)
    assert names(user) == {f"S{n}": f"{name} {n}" for n in range(5)}
    assert warnings(job) == []
    assert job.dialect["confidence"] == 1.0
    assert name.encode(codec) in b"".join(error_file.error_file(job))


def test_a_byte_order_mark_overrides_the_stated_encoding(private: MemoryStore, user: User) -> None:
    job = import_table(user, "sku,name\nA,Größe\n".encode("utf-8-sig"), encoding="cp1250")

    assert (job.dialect["encoding"], names(user)) == ("utf-8", {"A": "Größe"})


# --- Repeated SKUs ------------------------------------------------------------------------------
@pytest.mark.parametrize("rows_per_chunk", [2, 5000])
def test_a_repeated_sku_causes_a_warning_with_both_lines(
    private: MemoryStore, user: User, settings: Settings, rows_per_chunk: int
) -> None:
    settings.BULK_CHUNK_ROWS = rows_per_chunk
    other_job = import_table(user, "sku,name\nA,older\n")

    job = import_table(user, "sku,name\nA,one\nB,two\nC,three\nA,four\n\nD,five\nA,six\n")

    assert (job.status, sum(row_counts(job))) == (JobStatus.COMPLETED_WITH_ERRORS, 6)
    assert names(user)["A"] == "six"
    assert [(row, line, code) for row, line, code, _ in warnings(job)] == [
        (4, 5, "repeated_sku"),
        (6, 8, "repeated_sku"),
    ]
    assert "line 2" in warnings(job)[0][3]
    assert "line 5" in warnings(job)[0][3]
    assert warnings(other_job) == []
    with pytest.raises(NothingToRetryError):
        jobs.retry(user=user, job_id=job.pk)


# --- Images ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "separator", [", ", ",", ";", "; ", "\n", "\r\n", " ", "  ", " | ", "|", "\t", " ,\n"]
)
def test_urls_may_be_separated_in_many_ways(separator: str) -> None:
    urls = ["https://a.example/1.jpg?x=1,2", "https://a.example/2;3.jpg"]

    assert read_cell("images", separator.join(urls) + separator.rstrip("|")) == urls
