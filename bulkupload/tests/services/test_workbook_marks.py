from pathlib import Path
from typing import IO

import pytest

from bulkupload.services import workbook_marks
from bulkupload.services.workbook_marks import COLUMNS, Marks, find_marks
from bulkupload.tests.workbook import Cell, Raw, changed, workbook

COMPUTED: list[Cell] = [
    Raw("<f>A1</f><v>1</v>"),
    Raw('<f t="shared" si="0"/> <v>2</v>'),
    Raw("<f>A1</f><v>e</v>", 't="str"'),
    'Says "e", <f> and </f>',
]
BEHIND = "</sheetData><extLst><ext><xm:f>Sheet2!A1</xm:f></ext></extLst>"


def saved(folder: Path, book: bytes) -> str:
    path = folder / "book.xlsx"
    path.write_bytes(book)
    return str(path)


@pytest.mark.parametrize("size", [1, 700, 4096, 1_000_000])
def test_marks_are_found_wherever_a_piece_of_the_sheet_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(workbook_marks, "CHUNK", size)
    rows = dict.fromkeys(range(1, 100), COMPUTED)
    rows[50] = [*COMPUTED, Raw("<v>#N/A</v>", 't="e"')]
    rows[99] = [Raw("<f>A1</f>"), *COMPUTED]

    marks = find_marks(saved(tmp_path, workbook(rows)))

    assert marks == {49 * COLUMNS + 4: "#N/A", 98 * COLUMNS: "#CALC!"}


@pytest.mark.parametrize("size", [4096, 1_000_000])
def test_a_sheet_without_marks_is_not_read_cell_by_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    def refused(sheet: IO[bytes], widths: dict[str, int]) -> Marks:
        raise AssertionError

    monkeypatch.setattr(workbook_marks, "CHUNK", size)
    monkeypatch.setattr(workbook_marks, "_marks", refused)
    book = workbook(dict.fromkeys(range(1, 100), COMPUTED))

    assert find_marks(saved(tmp_path, changed(book, ("</sheetData>", BEHIND)))) == {}
