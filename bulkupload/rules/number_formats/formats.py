"""Number formats: how a sheet shows a number or a text."""

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Final, Protocol

from bulkupload.rules.number_formats.builtin import GENERAL
from bulkupload.rules.number_formats.dates import DateFormat
from bulkupload.rules.number_formats.digits import DigitFormat
from bulkupload.rules.number_formats.errors import NotShownError
from bulkupload.rules.number_formats.fractions import FractionFormat
from bulkupload.rules.number_formats.tokens import Section, sections_of
from bulkupload.rules.number_formats.values import decimal_of, general

_FORMATS_CACHED: Final = 1024
_PAIR, _TRIPLE, _ALL = 2, 3, 4


class _SectionFormat(Protocol):
    def show(self, value: Decimal) -> tuple[str, bool]: ...


class _Words:
    """A section without digits: texts, the number in General, or nothing."""

    def __init__(self, section: Section) -> None:
        self._tokens = section.tokens

    def show(self, value: Decimal) -> tuple[str, bool]:
        """Return a number that is not negative as text, and whether anything is shown."""
        shown = [general(value) if t.kind in {"general", "at"} else t.text for t in self._tokens]
        return "".join(shown), bool(value) and bool(shown)


class NumberFormat:
    """A format code, parsed once for all cells that have it.

    Raises NotShownError for a code that this module does not support.
    """

    def __init__(self, code: str, *, is_1904: bool = False) -> None:
        self.is_general = code.strip().lower() in {"", "general"}
        sections = sections_of(code if code.strip() else GENERAL)
        self._text = _text_section(sections)
        self._sections = sections[: _TRIPLE if self._text is None else -1] or sections_of(GENERAL)
        self._formats = [_format_of(section, is_1904=is_1904) for section in self._sections]
        self.has_dates = any(
            isinstance(section_format, DateFormat) for section_format in self._formats
        )
        self._has_conditions = any(section.condition for section in self._sections)

    def is_date(self, number: float) -> bool:
        """Whether a number is shown as a date or a time."""
        return isinstance(self._formats[self._choose(decimal_of(number))], DateFormat)

    def show(self, number: float) -> str:
        """Return a number as a sheet shows it."""
        value = decimal_of(number)
        at = self._choose(value)
        section_format = self._formats[at]
        if value >= 0:
            return section_format.show(value)[0]
        if isinstance(section_format, DateFormat):  # the cell shows ####
            raise NotShownError(number)
        text, has_digits = section_format.show(-value)
        return f"-{text}" if has_digits and not self._has_own_sign(at) else text

    def show_text(self, text: str) -> str:
        """Return a text as a sheet shows it."""
        if self._text is None:
            return text
        return "".join(text if t.kind == "at" else t.text for t in self._text.tokens)

    def _choose(self, value: Decimal) -> int:
        """Return the index of the section for a number."""
        if self._has_conditions:
            return self._choose_by_condition(value)
        if value < 0 and len(self._sections) >= _PAIR:
            return 1
        return 2 if value == 0 and len(self._sections) == _TRIPLE else 0

    def _choose_by_condition(self, value: Decimal) -> int:
        first, *others = [section.condition for section in self._sections]
        if first is None or (len(others) == _PAIR and (others[0] is None or others[1])):
            raise NotShownError(value)  # programs choose different sections
        if first.holds(value):
            return 0
        if others and (others[0] is None or others[0].holds(value)):
            return 1
        if len(others) < _PAIR:  # the cell shows ####
            raise NotShownError(value)
        return 2

    def _has_own_sign(self, at: int) -> bool:
        """Whether a section for negative numbers has its own sign."""
        if not self._has_conditions:
            return at == 1
        condition = self._sections[at].condition
        if condition is None or not condition.is_negative:
            raise NotShownError(condition)  # programs differ in whether they show a minus
        return True


def _text_section(sections: Sequence[Section]) -> Section | None:
    """Return the section for texts: the fourth one, or the last one if it shows texts."""
    if len(sections) == _ALL or sections[-1].has("at"):
        return sections[-1]
    return None


def _format_of(section: Section, *, is_1904: bool) -> _SectionFormat:
    if section.has("date", "elapsed", "half"):
        return DateFormat(section, is_1904=is_1904)
    if not section.has("digit"):
        if section.has("exponent", "comma", "percent", "slash"):
            raise NotShownError(section)
        return _Words(section)
    if section.has("general", "at"):
        raise NotShownError(section)
    return FractionFormat(section) if section.has("slash") else DigitFormat(section)


@lru_cache(maxsize=_FORMATS_CACHED)
def read_format(code: str, *, is_1904: bool = False) -> NumberFormat:
    """Return a format by its code, or raise NotShownError."""
    return NumberFormat(code, is_1904=is_1904)
