"""Cells are imported as the sheet shows them, or refused, but never as empty cells."""

import csv
import tempfile

import pytest

from accounts.models import User
from bulkupload.errors import JobFailureError
from bulkupload.services.workbook import convert
from bulkupload.tests.importing import RowCounts, errors_of, import_table, row_counts
from bulkupload.tests.workbook import OFFICE, Cell, Raw, with_replacements, workbook
from catalog.models import Product
from media.storage.testing.memory import MemoryStore

HEADER: list[Cell] = ["sku", "name", "brand"]
ERROR = Raw("<f>VLOOKUP(A2,Z:Z,1)</f><v>#N/A</v>", 't="e"')
UNCOMPUTED = Raw("<f>A2</f><v></v>")
BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'


def converted_rows(book: bytes) -> list[list[str]]:
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
        source.write(book)
        source.flush()
        convert.to_csv(source, target, mapping={}, on_progress=lambda: None)
        target.seek(0)
        lines = target.read().decode().splitlines(keepends=True)
        return list(csv.reader(lines))


def second_row(*cells: Cell, formats: list[str] | None = None) -> list[str]:
    book = workbook({1: ["sku", *["x"] * (len(cells) - 1)], 2: [*cells]}, formats or [])
    return converted_rows(book)[1]


@pytest.mark.covers("T62")
@pytest.mark.parametrize("cell", [ERROR, UNCOMPUTED, Raw("<f>A2</f>")])
def test_a_cell_without_a_value_refuses_its_row_and_clears_no_field(
    private: MemoryStore, user: User, cell: Raw
) -> None:
    import_table(user, "sku,name,brand\nA,Shoe,Us\n")

    job = import_table(user, workbook({1: HEADER, 2: ["A", "Boot", cell]}), filename="p.xlsx")

    assert errors_of(job) == [(1, 2, "brand", "excel_damage")]
    assert row_counts(job) == RowCounts(failed=1)
    assert Product.objects.values_list("name", "brand").get() == ("Shoe", "Us")


def test_an_error_becomes_the_text_that_the_sheet_shows() -> None:
    errors = ["#N/A", "#REF!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#VALUE!"]

    cells = second_row(
        "A", *(Raw(f"<v>{error}</v>", 't="e"') for error in errors), Raw("", 't="e"')
    )

    assert cells == ["A", *errors, "#VALUE!"]


def test_a_formula_without_a_value_is_not_an_empty_cell() -> None:
    cells = {
        Raw("<f>A2</f><v/>"): "#CALC!",
        Raw('<f t="shared" si="0"/>'): "#CALC!",
        Raw("<f>A2</f>", 't="str"'): "#CALC!",
        Raw('<f>IF(B2="","",B2)</f><v></v>', 't="str"'): "",
        Raw("<f>1+1</f><v>2</v>"): "2",
        Raw("<f>A2</f><v>A</v>", 't="str"'): "A",
        Raw('<f t="shared" si="0"/><v>2</v>'): "2",
        Raw("", 's="0"'): "",
    }

    assert second_row(*cells) == [*cells.values()]


def test_a_number_has_the_leading_zeros_of_its_format() -> None:
    cells = {
        Raw("<v>7342</v>", 's="1"'): "07342",
        Raw("<v>7342.0</v>", 's="1"'): "07342",
        Raw("<v>7.342E3</v>", 's="1" t="n"'): "07342",
        Raw("<f>B2</f><v>7342</v>", 's="1"'): "07342",
        Raw("<v>0</v>", 's="1"'): "00000",
        Raw("<v>123456</v>", 's="1"'): "123456",
        Raw("<v>-42</v>", 's="1"'): "-00042",
        Raw("<v>4.5</v>", 's="1"'): "00005",
        Raw("<v>12</v>", 's="1" t="str"'): "12",
        Raw("<v>1</v>", 's="1" t="b"'): "TRUE",
        Raw("<v>7342</v>", 's="0"'): "7342",
        Raw("<v>7342</v>"): "7342",
        Raw("<v>7</v>", 's="2"'): "7",
        Raw("<v>7</v>", 's="3"'): "7.00",
        Raw("<v>7000</v>", 's="4"'): "7,000",
    }

    assert second_row(*cells, formats=["00000", "0", "0.00", "#,##0"]) == [*cells.values()]


def test_conditional_formats_are_not_cell_formats() -> None:
    book = workbook({1: ["sku"], 2: [Raw("<v>7</v>", 's="1"')]}, ["0.0"])
    conditions = '<dxfs><dxf><numFmt numFmtId="164" formatCode="00000"/></dxf></dxfs></styleSheet>'

    assert converted_rows(with_replacements(book, ("</styleSheet>", conditions))) == [
        ["sku"],
        ["7.0"],
    ]


def test_a_lone_carriage_return_does_not_split_a_row(private: MemoryStore, user: User) -> None:
    book = workbook(
        {
            1: HEADER,
            2: ["A", "two_x000D_lines", "Us"],
            4: ["B", "Hat_x000D_", None],
            5: ["C", None, None],
        }
    )

    job = import_table(user, book, filename="p.xlsx")

    assert row_counts(job) == RowCounts(created=2, failed=1)
    assert errors_of(job) == [(3, 5, "name", "missing")]
    assert Product.objects.get(sku="A").name == "two\rlines"


def test_markers_are_in_the_right_cells_of_a_table_further_down() -> None:
    book = workbook(
        {
            3: [None, None, "sku", "name"],
            5: [None, None, "A", ERROR],
            6: [None, None, Raw("<v>7</v>", 's="1"'), UNCOMPUTED],
            8: [None, None, UNCOMPUTED, UNCOMPUTED],
        },
        ["000"],
    )

    assert converted_rows(book) == [
        *([], [], ["sku", "name"], [], ["A", "#N/A"], ["007", "#CALC!"]),
        *([], ["#CALC!", "#CALC!"]),
    ]


def test_cells_outside_the_table_are_not_part_of_it() -> None:
    book = workbook(
        {
            1: [None, UNCOMPUTED, ERROR],
            2: [None, "sku", "name"],
            3: [UNCOMPUTED, "A", "Shoe", UNCOMPUTED],
        }
    )

    assert converted_rows(book) == [[], ["sku", "name"], ["A", "Shoe"]]


def test_cells_without_a_reference_follow_each_other() -> None:
    sheet = (
        '<row r="3"><c t="str"><v>sku</v></c><c t="str"><v>x</v></c><c t="str"><v>y</v></c></row>'
        '<row><c t="str"><v>A</v></c><c r="C4" t="e"><v>#REF!</v></c></row>'
        '<row><c/><c><f>A1</f></c><c t="e"><v>#N/A</v></c></row>'
    )
    book = with_replacements(workbook({1: []}), ('<row r="1"></row>', sheet))

    assert converted_rows(book) == [
        [],
        [],
        ["sku", "x", "y"],
        ["A", "", "#REF!"],
        ["", "#CALC!", "#N/A"],
    ]


@pytest.mark.parametrize(
    "swaps",
    [
        [('Target="worksheets/', 'Target="/xl/worksheets/')],
        [("sheet1.xml", "other.xml")],
        [('"worksheets/sheet1', '"worksheets/Sheet1')],
        [
            ('<sheet name="Products"', '<x:sheet xmlns:x="urn:x" name="Products"'),
            (" xmlns:r=", " xmlns:relationships="),
            ("r:id=", "relationships:id="),
        ],
        [
            *((f"<{name}", f"<x:{name}") for name in ("worksheet", "row", "c ", "v>", "f>")),
            *((f"</{name}>", f"</x:{name}>") for name in ("worksheet", "row", "c", "v", "f")),
            *((f"<{end}sheetData", f"<{end}x:sheetData") for end in ("", "/")),
            ("xmlns=", "xmlns:x="),
            *((f"<x:{kind}", f"<{kind}") for kind in ("cellXfs", "cellStyleXfs")),
        ],
        [(' t="e"', " t = 'e'")],
    ],
)
def test_the_sheet_is_found_in_any_layout_of_the_file(swaps: list[tuple[str, str]]) -> None:
    numbers: dict[int, list[Cell]] = {1: [1, 2], 2: [ERROR, UNCOMPUTED]}

    assert converted_rows(with_replacements(workbook(numbers), *swaps)) == [
        ["1", "2"],
        ["#N/A", "#CALC!"],
    ]


def test_the_first_sheet_is_read() -> None:
    book = workbook({1: ["sku", "name"], 2: ["A", "Shoe"]})
    link = '<Relationship Id="rId0" Type="x/worksheet" Target="worksheets/gone.xml"/>'

    two_sheets = with_replacements(
        book,
        ("</sheets>", '<sheet name="2" sheetId="2" r:id="rId0"/></sheets>'),
        ('<Relationship Id="rId1"', f'{link}<Relationship Id="rId1"'),
    )

    assert converted_rows(two_sheets) == [["sku", "name"], ["A", "Shoe"]]


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ('state="hidden"', "worksheet"),
        ('state="veryHidden"', "worksheet"),
        ('state="visible"', "chartsheet"),
    ],
)
def test_hidden_sheets_are_skipped(state: str, kind: str) -> None:
    book = workbook({1: ["sku", "name"], 2: ["A", ERROR]})
    link = f'<Relationship Id="rId0" Type="{OFFICE}/{kind}" Target="{kind}s/lists.xml"/>'

    two_sheets = with_replacements(
        book,
        ("<sheets>", f'<sheets><sheet name="Lists" sheetId="9" {state} r:id="rId0"/>'),
        ('<Relationship Id="rId1"', f'{link}<Relationship Id="rId1"'),
    )

    assert converted_rows(two_sheets) == [["sku", "name"], ["A", "#N/A"]]


def test_the_only_sheet_is_read_even_if_it_is_hidden() -> None:
    book = with_replacements(workbook({1: ["sku", "name"]}), ("<sheet ", '<sheet state="hidden" '))

    assert converted_rows(book) == [["sku", "name"]]


def test_a_decimal_number_has_the_digits_that_the_sheet_shows() -> None:
    assert second_row(0.1 + 0.2, 29.99, 1234567.125) == ["0.3", "29.99", "1234567.125"]


@pytest.mark.parametrize(
    "swap",
    [
        ("<worksheet", f"{BOMB}<worksheet"),
        ("<styleSheet", f"{BOMB}<styleSheet"),
        ('r="B2"', 'r="ZZZZZZZZZZ2"'),
        ('r="B2"', 'r="B99999999999"'),
        ('r="B2"', 'r="2B"'),
        ('<row r="2"', '<row r="-2"'),
        ("</row></sheetData></worksheet>", ""),
        ('Id="rId1"', 'Id="rId2"'),
    ],
)
def test_a_hostile_sheet_is_unreadable(swap: tuple[str, str]) -> None:
    book = with_replacements(workbook({1: ["sku", "name"], 2: ["A", ERROR]}), swap)

    with pytest.raises(JobFailureError) as excinfo:
        converted_rows(book)

    assert excinfo.value.code == "unreadable"
