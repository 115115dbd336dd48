"""Numbers shown as dates, times and durations."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, Self

from bulkupload.rules.number_formats.errors import UndeterminedFormatError
from bulkupload.rules.number_formats.tokens import Section, Token
from bulkupload.rules.number_formats.values import rounded

DAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)
DAYS_TO_1904: Final = 1462  # between the two date systems of workbooks
LAST_DAY: Final = 2_958_465  # the end of the year 9999
LEAP_DAY_1900: Final = 60  # 29 February 1900 did not exist; Excel copied it from Lotus 1-2-3
SECONDS: Final = 86_400
_MINUTE, _HOUR = 60, 3600
_WEEK, _HALF = 7, 12
_NAME: Final = 3  # letters for the name of a month or a day
_INITIAL: Final = 5


@dataclass(frozen=True, kw_only=True)
class Instant:
    """A number as a point in time; `weekday` counts from Sunday."""

    year: int
    month: int
    day: int
    weekday: int
    seconds: int
    fraction: Decimal
    total: Decimal

    @classmethod
    def of(cls, value: Decimal, *, places: int) -> Self:
        """Return the instant of a number, with this many decimal places of a second."""
        total = rounded(value * SECONDS, places)
        days, seconds = divmod(int(total), SECONDS)
        if days > LAST_DAY:
            raise UndeterminedFormatError(value)
        year, month, day = _calendar_day(days)
        return cls(
            year=year,
            month=month,
            day=day,
            weekday=(days - 1) % _WEEK,
            seconds=seconds,
            fraction=total % 1,
            total=total,
        )


def _calendar_day(days: int) -> tuple[int, int, int]:
    if days == LEAP_DAY_1900:
        return 1900, 2, 29
    if days == 0:
        return 1900, 1, 0
    day = date(1899, 12, 31 if days < LEAP_DAY_1900 else 30) + timedelta(days)
    return day.year, day.month, day.day


class DateFormat:
    """A section of dates and times."""

    def __init__(self, section: Section, *, is_1904: bool) -> None:
        self._shift = DAYS_TO_1904 if is_1904 else 0
        if section.has("exponent", "percent", "text_placeholder", "general"):
            raise UndeterminedFormatError(section)
        self._parts = _parts_of(list(section.tokens))
        self._places = max((len(part[1:]) for part in self._parts if part[0] == "."), default=0)
        self._halves = section.has("am_pm")
        words = any(part[0] in {"M", "d"} and len(part) >= _NAME for part in self._parts)
        if words and section.is_foreign:
            raise UndeterminedFormatError(section)

    def show(self, value: Decimal) -> tuple[str, bool]:
        """Return a non-negative number as text, and that it has no sign."""
        instant = Instant.of(value + self._shift, places=self._places)
        return "".join(self._shown(part, instant) for part in self._parts), False

    def _shown(self, part: str, at: Instant) -> str:
        kind, width = part[0], len(part)
        if kind == "'":
            return part[1:]
        if kind == "h" and self._halves:
            hour = at.seconds // _HOUR % _HALF or _HALF
            return str(hour).zfill(min(width, 2))
        return _SHOW[kind](at, width, part)


def _parts_of(tokens: list[Token]) -> list[str]:
    """Return the runs of letters, `M` for months and `m` for minutes; literals begin with `'`."""
    parts: list[str] = []
    letters = [at for at, token in enumerate(tokens) if token.kind in {"date", "elapsed"}]
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.kind == "point" and (width := _digits_after(tokens, at)):
            parts.append("." + "0" * width)
            at += width
        elif token.kind == "digit":
            raise UndeterminedFormatError(tokens)
        elif token.kind == "date":
            is_month = token.text[0] == "m" and not _is_minute(tokens, letters, at)
            parts.append(token.text.upper() if is_month else token.text)
        elif token.kind == "elapsed":
            parts.append("[" + token.text)
        elif token.kind == "am_pm":
            parts.append("p" + token.text)
        else:
            parts.append("'" + token.text)
        at += 1
    return parts


def _digits_after(tokens: list[Token], at: int) -> int:
    width = 0
    while at + 1 + width < len(tokens) and tokens[at + 1 + width] == ("digit", "0"):
        width += 1
    return width


def _is_minute(tokens: list[Token], letters: list[int], at: int) -> bool:
    """Whether an `m` follows hours or precedes seconds."""
    index = letters.index(at)
    if len(tokens[at].text) >= _NAME:
        return False
    before = tokens[letters[index - 1]].text[0] if index else ""
    after = tokens[letters[index + 1]].text[0] if index + 1 < len(letters) else ""
    return before == "h" or after == "s"


def _year(at: Instant, width: int, _: str) -> str:
    return str(at.year) if width >= _NAME else f"{at.year % 100:02}"


def _month(at: Instant, width: int, _: str) -> str:
    if width < _NAME:
        return str(at.month).zfill(width)
    return _word(MONTHS[at.month - 1], width)


def _day(at: Instant, width: int, _: str) -> str:
    if width < _NAME:
        return str(at.day).zfill(width)
    return _word(DAYS[at.weekday], width if width == _NAME else _NAME + 1)


def _word(name: str, width: int) -> str:
    return {_NAME: name[:_NAME], _INITIAL: name[0]}.get(width, name)


def _clock_part(unit: int, span: int) -> Callable[[Instant, int, str], str]:
    def show(at: Instant, width: int, _: str) -> str:
        return str(at.seconds // unit % span).zfill(min(width, 2))

    return show


def _elapsed(at: Instant, width: int, part: str) -> str:
    unit = {"h": _HOUR, "m": _MINUTE, "s": 1}[part[1]]
    return str(int(at.total) // unit).zfill(width - 1)


def _half(at: Instant, width: int, part: str) -> str:
    morning, _, evening = part[1:].partition("/")
    return evening if at.seconds // _HOUR >= _HALF else morning


def _fraction(at: Instant, width: int, _: str) -> str:
    return f"{at.fraction:.{width - 1}f}"[1:]


_SHOW: Final[dict[str, Callable[[Instant, int, str], str]]] = {
    "y": _year,
    "M": _month,
    "d": _day,
    "h": _clock_part(_HOUR, 24),
    "m": _clock_part(_MINUTE, 60),
    "s": _clock_part(1, 60),
    "[": _elapsed,
    "p": _half,
    ".": _fraction,
}
