"""Number formats: how a sheet shows a number or text."""

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Final, Protocol

from bulkupload.rules.number_formats.builtin import GENERAL
from bulkupload.rules.number_formats.dates import DateFormat
from bulkupload.rules.number_formats.digits import DigitFormat
from bulkupload.rules.number_formats.errors import UndeterminedFormatError
from bulkupload.rules.number_formats.fractions import FractionFormat
from bulkupload.rules.number_formats.tokens import Condition, Section, sections_of
from bulkupload.rules.number_formats.values import decimal_of, general

_CACHED_FORMATS: Final = 1024
_TWO_SECTIONS, _THREE_SECTIONS, _ALL_SECTIONS = 2, 3, 4


class _SectionFormat(Protocol):
    """One section of a format, for numbers that are not negative."""

    def show(self, value: Decimal) -> tuple[str, bool]:
        """Return a number as text, and whether a minus may be put in front of it."""


class _LiteralFormat:
    """A section without digits: literal text, the number in General, or nothing."""

    def __init__(self, section: Section) -> None:
        self._tokens = section.tokens

    def show(self, value: Decimal) -> tuple[str, bool]:
        """Return a non-negative number as text, and whether it gets a sign: there is a text."""
        shown = [
            general(value) if token.kind in {"general", "text_placeholder"} else token.text
            for token in self._tokens
        ]
        return "".join(shown), bool(shown)


class NumberFormat:
    """A format code, parsed once for all cells that have it.

    Raises UndeterminedFormatError for a code that this module does not support.
    """

    def __init__(self, code: str, *, is_1904: bool = False) -> None:
        self.is_general = code.strip().lower() in {"", "general"}
        sections = sections_of(code if code.strip() else GENERAL)
        self._text = _text_section(sections)
        number_sections = sections if self._text is None else sections[:-1]
        self._sections = number_sections or sections_of(GENERAL)
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
        index = self._choose(value)
        section_format = self._formats[index]
        if value >= 0:
            return section_format.show(value)[0]
        if isinstance(section_format, DateFormat):  # the cell shows ####
            raise UndeterminedFormatError(number)
        text, gets_sign = section_format.show(-value)
        return f"-{text}" if gets_sign and not self._has_own_sign(index) else text

    def show_text(self, text: str) -> str:
        """Return text as a sheet shows it."""
        if self._text is None:
            return text
        return "".join(
            text if token.kind == "text_placeholder" else token.text for token in self._text.tokens
        )

    def _choose(self, value: Decimal) -> int:
        """Return the index of the section for a number.

        Without conditions the sections are for positive numbers, negative numbers and zero; the
        first one is also for those without a section of their own.
        """
        if self._has_conditions:
            return self._choose_by_condition(value)
        if value < 0 and len(self._sections) >= _TWO_SECTIONS:
            return 1
        return 2 if value == 0 and len(self._sections) == _THREE_SECTIONS else 0

    def _choose_by_condition(self, value: Decimal) -> int:
        """Return the index of the first section whose condition a number meets.

        A section without a condition is for all numbers; Excel and LibreOffice agree about it only
        where `_are_conditions_portable`.
        """
        conditions = [section.condition for section in self._sections]
        if not _are_conditions_portable(conditions):
            raise UndeterminedFormatError(value)
        for index, condition in enumerate(conditions):
            if condition is None or condition.holds(value):
                return index
        raise UndeterminedFormatError(value)  # the cell shows ####

    def _has_own_sign(self, index: int) -> bool:
        """Whether a section is only for negative numbers: then no minus is added to its text."""
        if not self._has_conditions:
            return index == 1
        condition = self._sections[index].condition
        if condition is None or not condition.is_negative:
            raise UndeterminedFormatError(condition)  # programs differ in whether they show a minus
        return True


def _are_conditions_portable(conditions: Sequence[Condition | None]) -> bool:
    """Whether all programs choose the same section for a number.

    True of `[c]…`, `[c]…;…`, `[c]…;[d]…` and `[c]…;[d]…;…`.
    """
    if len(conditions) < _THREE_SECTIONS:
        return conditions[0] is not None
    first, second, third = conditions
    return first is not None and second is not None and third is None


def _text_section(sections: Sequence[Section]) -> Section | None:
    """Return the section for text: the fourth one, or the last one if it shows text."""
    if len(sections) == _ALL_SECTIONS or sections[-1].has("text_placeholder"):
        return sections[-1]
    return None


def _format_of(section: Section, *, is_1904: bool) -> _SectionFormat:
    if section.has("date", "elapsed", "am_pm"):
        return DateFormat(section, is_1904=is_1904)
    if not section.has("digit"):
        if section.has("exponent", "comma", "percent", "slash"):
            raise UndeterminedFormatError(section)
        return _LiteralFormat(section)
    if section.has("general", "text_placeholder"):
        raise UndeterminedFormatError(section)
    return FractionFormat(section) if section.has("slash") else DigitFormat(section)


@lru_cache(maxsize=_CACHED_FORMATS)
def read_format(code: str, *, is_1904: bool = False) -> NumberFormat:
    """Return a format by its code, or raise UndeterminedFormatError."""
    return NumberFormat(code, is_1904=is_1904)
