"""The formats of cells: how a sheet shows a value."""

from contextlib import suppress
from math import isfinite
from typing import IO, Final

from bulkupload.rules.number_formats.builtin import DATES, GENERAL, builtin_code
from bulkupload.rules.number_formats.errors import UndeterminedFormatError
from bulkupload.rules.number_formats.formats import NumberFormat, read_format
from bulkupload.rules.number_formats.values import EXACT_DIGITS, MAX_WHOLE, decimal_of, general
from bulkupload.rules.rows.excel_damage import (
    DATE_MARKER,
    DIGITS_MARKER,
    FORMAT_MARKER,
    DamagedText,
    with_marker,
)
from bulkupload.services.workbook.xml_reader import Attributes, visit

_ISO_DATE: Final = "yyyy-mm-dd"


class CellFormat:
    """A format of cells; `code` is None if it depends on the computer's locale."""

    def __init__(self, code: str | None, *, is_date: bool = False, is_1904: bool = False) -> None:
        self._is_date = is_date
        self._format: NumberFormat | None = None
        self._iso_date = read_format(_ISO_DATE, is_1904=is_1904)
        with suppress(UndeterminedFormatError):
            self._format = None if code is None else read_format(code, is_1904=is_1904)
        self.is_general = self._format is not None and self._format.is_general

    def number(self, raw: str) -> str:
        """Return how a number in the file is shown."""
        if self.is_general and len(raw) <= EXACT_DIGITS and raw.isdecimal() and raw[0] != "0":
            return raw  # nearly every number
        try:
            number = float(raw)
        except ValueError:
            return with_marker(FORMAT_MARKER, raw)
        if not isfinite(number):
            return with_marker(FORMAT_MARKER, raw)
        try:
            return self._shown(number)
        except UndeterminedFormatError:
            return self._undetermined(number)

    def _shown(self, number: float) -> str:
        if self._format is None:
            raise UndeterminedFormatError(number)
        shown = self._format.show(number)
        if self._format.has_dates and self._format.is_date(number):
            return DamagedText(shown, with_marker(DATE_MARKER, shown))
        if abs(number) >= MAX_WHOLE:
            return DamagedText(shown, with_marker(DIGITS_MARKER, shown))
        return shown

    def _undetermined(self, number: float) -> str:
        shown = general(decimal_of(number))
        if not self._is_date:
            return with_marker(FORMAT_MARKER, shown)
        with suppress(UndeterminedFormatError):
            shown = self._iso_date.show(number)
        return DamagedText(with_marker(FORMAT_MARKER, shown), with_marker(DATE_MARKER, shown))

    def text(self, text: str) -> str:
        """Return how text is shown."""
        return text if self._format is None else self._format.show_text(text)


PLAIN: Final = CellFormat(GENERAL)


def read_formats(part: IO[bytes], *, is_1904: bool) -> list[CellFormat]:
    """Return the formats of cells from the styles of a workbook."""
    codes: dict[str, str] = {}
    numbers: list[str] = []

    def enter(parent: str, name: str, attributes: Attributes) -> None:
        if (parent, name) == ("numFmts", "numFmt"):
            codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", GENERAL)
        elif (parent, name) == ("cellXfs", "xf"):
            numbers.append(attributes.get("numFmtId", "0"))

    visit(part, enter)
    formats = {number: _format_of(number, codes, is_1904=is_1904) for number in set(numbers)}
    return [formats[number] for number in numbers]


def _format_of(number: str, codes: dict[str, str], *, is_1904: bool) -> CellFormat:
    if number in codes:
        return CellFormat(codes[number], is_1904=is_1904)
    builtin = int(number)
    return CellFormat(builtin_code(builtin), is_date=builtin in DATES, is_1904=is_1904)
