"""The cells of a sheet, row by row, as the sheet shows them."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

from bulkupload.rules.rows.excel_damage import (
    DATE_MARKER,
    NOT_COMPUTED_MARKER,
    UNNAMED_ERROR_MARKER,
    DamagedText,
    with_marker,
)
from bulkupload.services.workbook.formats import PLAIN, CellFormat
from bulkupload.services.workbook.parts import Workbook, unescaped
from bulkupload.services.workbook.xml_reader import Attributes, parser_of

MAX_COLUMNS: Final = 16_384  # of a sheet
MAX_ROWS: Final = 1_048_576
READ_BYTES: Final = 64 * 1024
_DAY_ZERO: Final = datetime(1899, 12, 30, tzinfo=UTC)
_DAYS_TO_1904: Final = 1462
_SECONDS: Final = 86_400
_MERGED: Final = re.compile(
    rb'<(?:[\w.-]+:)?mergeCell\s[^>]*?ref\s*=\s*["\']([A-Z]+)(\d+):([A-Z]+)(\d+)'
)


class Row(NamedTuple):
    """A row that is not blank; `cells` maps columns, numbered from 0, to texts."""

    number: int
    is_hidden: bool
    cells: dict[int, str]


class Merge(NamedTuple):
    """Merged cells of one column; rows are numbered from 1."""

    column: int
    top: int
    bottom: int


def rows_of(book: Workbook, part: str) -> Iterator[Row]:
    """Yield the rows of a sheet that are not blank, in order."""
    cells = _Cells(book)
    parser = parser_of(cells.start, cells.end)
    parser.CharacterDataHandler = cells.add_text
    with book.open(part) as sheet:
        while not cells.done and (data := sheet.read(READ_BYTES)):
            parser.Parse(data)
            yield from cells.take()
        if not cells.done:  # the file is truncated
            parser.Parse(b"", True)
            yield from cells.take()


def vertical_merges(book: Workbook, part: str, *, last_row: int) -> list[Merge]:
    """Return the merged cells that span several rows and begin above or in `last_row`."""
    merges: list[Merge] = []
    with book.open(part) as sheet:
        buffer = b""
        while data := sheet.read(READ_BYTES):
            buffer += data
            for left, top, _, bottom in _MERGED.findall(buffer) if b"mergeCell" in buffer else ():
                merge = Merge(column_of(left.decode()), int(top), int(bottom))
                if merge.top < merge.bottom and merge.top <= last_row:
                    merges.append(merge)
            # The last element may be incomplete; none is as long as READ_BYTES.
            buffer = buffer[buffer.rfind(b"<") :][-READ_BYTES:]
    return merges


def column_of(letters: str) -> int:
    """Return the number of a column, counted from 0."""
    if not (letters.isascii() and letters.isalpha()):
        raise ValueError(letters)
    number = 0
    for letter in letters.upper():
        number = min(number * 26 + ord(letter) - ord("A") + 1, MAX_COLUMNS + 1)
    return number - 1


def reference_of(row: int, column: int) -> str:
    """Return the name of a cell, like `D3`."""
    letters, number = "", column + 1
    while number:
        number, letter = divmod(number - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return f"{letters}{row}"


class _Cells:
    """Handlers for expat that collect the cells of a sheet."""

    def __init__(self, book: Workbook) -> None:
        self.done = False
        self._book = book
        self._formats: list[CellFormat] = book.formats
        self._columns: dict[str, int] = {}
        self._rows: list[Row] = []
        self._last = 0
        self._row, self._row_name = 1, "1"
        self._column = 0
        self._hidden = False
        self._cells: dict[int, str] = {}
        self._cell: Attributes = {}
        self._pieces: list[str] = []
        self._reading = self._phonetic = self._formula = self._has_value = False

    def take(self) -> list[Row]:
        """Return the rows that are complete."""
        rows, self._rows = self._rows, []
        return rows

    def start(self, name: str, attributes: Attributes) -> None:
        """Begin an element."""
        kind = name.rpartition(":")[2] if ":" in name else name
        if kind == "c":
            self._cell = attributes
            self._pieces.clear()
            self._formula = self._has_value = False
            self._enter_cell(attributes.get("r"))
        elif kind == "v":
            self._reading = self._has_value = True
        elif kind == "t":
            self._reading = not self._phonetic
        elif kind == "f":
            self._formula = True
        elif kind == "rPh":
            self._phonetic = True
        elif kind == "row":
            self._enter_row(int(attributes.get("r", self._row)))
            self._require_position()
            self._hidden = attributes.get("hidden", "") in {"1", "true"}

    def end(self, name: str) -> None:
        """End an element."""
        kind = name.rpartition(":")[2] if ":" in name else name
        if kind in {"v", "t"}:
            self._reading = False
        elif kind == "c":
            text = self._shown()
            if text and not text.isspace():
                self._cells[self._column] = text
            self._column += 1
        elif kind == "row":
            self._end_row()
        elif kind == "rPh":
            self._phonetic = False
        elif kind == "sheetData":
            self.done = True

    def add_text(self, text: str) -> None:
        """Collect a part of a text."""
        if self._reading:
            self._pieces.append(text)

    def _enter_cell(self, reference: str | None) -> None:
        if reference is not None:
            column = self._columns.get(reference.removesuffix(self._row_name))
            if column is not None:  # the letters are known, and the number is that of this row
                self._column = column
                return
            letters = reference.rstrip("0123456789")
            row = int(reference[len(letters) :])
            if row != self._row and self._cells:
                raise ValueError(reference)
            self._enter_row(row)
            self._column = self._columns[letters] = column_of(letters)
        self._require_position()

    def _enter_row(self, row: int) -> None:
        self._row, self._row_name = row, str(row)

    def _require_position(self) -> None:
        if not (1 <= self._row <= MAX_ROWS and self._column < MAX_COLUMNS):
            raise ValueError(self._row)

    def _end_row(self) -> None:
        if self._cells:
            if self._row <= self._last:
                raise ValueError(self._row)
            self._rows.append(Row(self._row, self._hidden, self._cells))
            self._last, self._cells = self._row, {}
        self._column = 0
        self._enter_row(self._row + 1)

    def _shown(self) -> str:
        text = "".join(self._pieces)
        kind = self._cell.get("t", "n")
        if kind == "e":
            return text or UNNAMED_ERROR_MARKER
        if self._formula and not text:
            # A formula may return an empty text, such as =IF(A2="","",A2).
            return "" if kind == "str" and self._has_value else NOT_COMPUTED_MARKER
        style = int(self._cell.get("s", "0"))
        cell_format = self._formats[style] if style < len(self._formats) else PLAIN
        if kind == "n":
            return cell_format.number(text) if text else ""
        return self._shown_text(kind, text, cell_format)

    def _shown_text(self, kind: str, text: str, cell_format: CellFormat) -> str:
        if not text:
            return ""
        if kind == "s":
            return cell_format.text(self._book.texts[int(text)])
        if kind == "b":
            return "FALSE" if text == "0" else "TRUE"
        if kind == "d":
            if cell_format.is_general:
                return DamagedText(text, with_marker(DATE_MARKER, text))
            return cell_format.number(repr(self._serial(text)))
        return cell_format.text(unescaped(text))

    def _serial(self, text: str) -> float:
        """Return the serial number of an ISO date."""
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        days = (moment - _DAY_ZERO).total_seconds() / _SECONDS
        return days - _DAYS_TO_1904 if self._book.is_1904 else days
