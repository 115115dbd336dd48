"""What python-calamine does not tell of a sheet: errors, formulas not computed, zeros in front.

It gives an error, or a formula without a value, as an empty cell, which would clear a field. So the
sheet's XML is looked at as well: quickly for whether it has any of this, most have not, and only
then cell by cell. Sheet, rows and columns are found as calamine finds them: what the two understood
differently would be written into the wrong cell.
"""

import re
import zipfile
from collections.abc import Callable
from typing import IO, Final
from xml.parsers import expat

COLUMNS: Final = 16_384  # of a sheet
ROWS: Final = 1_048_576
CHUNK: Final = 1024 * 1024
LONGEST_NUMBER: Final = 255  # characters; Excel takes no longer format either
NOT_COMPUTED: Final = "#CALC!"
UNNAMED_ERROR: Final = "#VALUE!"

_ERROR = re.compile(rb"""\st\s*=\s*["']e["']""")
_FORMULA = re.compile(rb"<(?:[\w.-]+:)?f[\s/>]")
_COMPUTED = re.compile(
    rb"(?:</(?:[\w.-]+:)?f\s*>|<(?:[\w.-]+:)?f\s[^<>]*/>)\s*<(?:[\w.-]+:)?v(?:\s[^<>]*)?>[^<]"
)
_CELLS_END = re.compile(rb"</(?:[\w.-]+:)?sheetData\s*>")
_ZEROS = re.compile(rf"0{{2,{LONGEST_NUMBER}}}")

# By row * COLUMNS + column: what an empty cell says, or how many digits of a number are shown.
Marks = dict[int, str | int]
Attributes = dict[str, str]


class DoctypeError(Exception):
    """Raised when a part declares entities: no workbook may, and they could be a bomb."""


def find_marks(source: str, at: int = 0) -> Marks:
    """Return the marks of the sheet at a place of a workbook."""
    with zipfile.ZipFile(source) as archive:
        parts = {name.lower(): name for name in archive.namelist()}
        widths: dict[str, int] = {}
        if "xl/styles.xml" in parts:
            with archive.open(parts["xl/styles.xml"]) as styles:
                widths = _shown_digits(styles)
        name = parts[_sheet(archive, parts, at).lower()]
        if not widths:
            with archive.open(name) as sheet:
                if not _may_have_marks(sheet):
                    return {}
        with archive.open(name) as sheet:
            return _marks(sheet, widths)


def _sheet(archive: zipfile.ZipFile, parts: dict[str, str], at: int) -> str:
    sheets: list[str] = []
    targets: dict[str, str] = {}

    def linked(parent: str, name: str, attributes: Attributes) -> None:
        if name == "Relationship":
            targets[attributes["Id"]] = attributes["Target"]

    def listed(parent: str, name: str, attributes: Attributes) -> None:
        if name == "sheet":
            sheets.extend(value for key, value in attributes.items() if key.endswith(":id"))

    with archive.open(parts["xl/_rels/workbook.xml.rels"]) as links:
        _visit(links, linked)
    with archive.open(parts["xl/workbook.xml"]) as book:
        _visit(book, listed)
    target = targets[sheets[at]]
    return target[1:] if target.startswith("/xl/") else f"xl/{target}"


def _shown_digits(styles: IO[bytes]) -> dict[str, int]:
    """Return the styles of cells whose numbers are filled up with zeros, and to how many digits."""
    codes: dict[str, str] = {}
    used: list[str] = []

    def styled(parent: str, name: str, attributes: Attributes) -> None:
        if (parent, name) == ("numFmts", "numFmt"):
            codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif (parent, name) == ("cellXfs", "xf"):
            used.append(attributes.get("numFmtId", ""))

    _visit(styles, styled)
    shown = {str(at): codes.get(each, "") for at, each in enumerate(used)}
    return {style: len(code) for style, code in shown.items() if _ZEROS.fullmatch(code)}


def _may_have_marks(sheet: IO[bytes]) -> bool:
    """Whether some cell is an error or a formula without a value: at worst a false alarm."""
    held = b""
    while data := sheet.read(CHUNK):
        held += data
        end = _CELLS_END.search(held) if b"sheetData" in held else None
        cut = end.start() if end else held.rfind(b"c>") + len(b"c>")
        if cut < len(b"c>"):  # not one whole cell in all of this
            return True
        if _has_mark(held[:cut]):
            return True
        if end:
            return False
        held = held[cut:]
    return True  # a sheet without an end is not for us to judge


def _has_mark(data: bytes) -> bool:
    if (b'"e"' in data or b"'e'" in data) and _ERROR.search(data):
        return True
    if b"<f" not in data and b":f" not in data:
        return False
    return len(_FORMULA.findall(data)) > len(_COMPUTED.findall(data))


def _marks(sheet: IO[bytes], widths: dict[str, int]) -> Marks:
    cells = _Cells(widths)
    parser = _parser(cells.start, cells.end)
    parser.CharacterDataHandler = cells.add_text
    while not cells.done and (data := sheet.read(CHUNK)):
        parser.Parse(data)
    return cells.marks


class _Cells:
    """What expat tells of a sheet, cell by cell; kept is only what calamine does not tell."""

    def __init__(self, widths: dict[str, int]) -> None:
        self.marks: Marks = {}
        self.done = False
        self._widths = widths
        self._columns: dict[str, int] = {}
        self._row = self._column = self._place = 0
        self._cell: Attributes = {}
        self._formula = self._valued = self._in_value = False
        self._text = ""

    def start(self, name: str, attributes: Attributes) -> None:
        """Begin an element."""
        kind = name.rpartition(":")[2]
        if kind == "c":
            self._cell, self._text = attributes, ""
            self._formula = self._valued = False
            self._place = self._next_place()
        elif kind == "v":
            self._valued = self._in_value = True
        elif kind == "f":
            self._formula = True
        elif kind == "row" and "r" in attributes:
            self._row = int(attributes["r"]) - 1

    def end(self, name: str) -> None:
        """End an element."""
        kind = name.rpartition(":")[2]
        if kind == "v":
            self._in_value = False
        elif kind == "c":
            self._column += 1
            mark = self._mark()
            if mark:
                self.marks[self._place] = mark
        elif kind == "row":
            self._row, self._column = self._row + 1, 0
        elif kind == "sheetData":
            self.done = True

    def add_text(self, text: str) -> None:
        """Take a piece of text; no more of a value than its beginning is ever of interest."""
        if self._in_value and len(self._text) <= LONGEST_NUMBER:
            self._text += text

    def _next_place(self) -> int:
        row, reference = self._row, self._cell.get("r")
        if reference is not None:
            letters = reference.rstrip("0123456789")
            row = int(reference[len(letters) :]) - 1
            if letters not in self._columns:
                self._columns[letters] = _column(letters)
            self._column = self._columns[letters]
        if not (0 <= row < ROWS and self._column < COLUMNS):
            raise ValueError(reference)
        return row * COLUMNS + self._column

    def _mark(self) -> str | int | None:
        kind, text = self._cell.get("t", "n"), self._text
        if kind == "e":
            return text or UNNAMED_ERROR
        if self._formula and not text:
            # An empty text is a value as well: =IF(A2="","",A2).
            return None if kind == "str" and self._valued else NOT_COMPUTED
        width = self._widths.get(self._cell.get("s", ""), 0)
        needs_none = kind != "n" or not text or (text.isdigit() and len(text) >= width)
        return None if needs_none else width


def _column(letters: str) -> int:
    if not (letters.isascii() and letters.isalpha()):
        raise ValueError(letters)
    number = 0
    for letter in letters.upper():
        number = min(number * 26 + ord(letter) - ord("A") + 1, COLUMNS + 1)
    return number - 1


def _visit(part: IO[bytes], visit: Callable[[str, str, Attributes], None]) -> None:
    """Call with the parent's name, the name and the attributes of each element."""
    path = [""]

    def start(name: str, attributes: Attributes) -> None:
        local = name.rpartition(":")[2]
        visit(path[-1], local, attributes)
        path.append(local)

    _parser(start, lambda _: path.pop()).ParseFile(part)


def _parser(
    start: Callable[[str, Attributes], None], end: Callable[[str], object]
) -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    return parser


def _refuse_doctype(*_: object) -> None:
    raise DoctypeError
