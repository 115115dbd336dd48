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
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
DAYS_TO_1904: Final = 1462  # between the two date systems of workbooks
LAST_DAY: Final = 2_958_465  # the end of the year 9999
LEAP_DAY_1900: Final = 60  # 29 February 1900 did not exist; Excel copied it from Lotus 1-2-3
DAY_SECONDS: Final = 86_400
_MINUTE_SECONDS, _HOUR_SECONDS = 60, 3600
_WEEK_DAYS, _HALF_DAY_HOURS = 7, 12
# `mmm` is the abbreviated name of a month, `mmmm` the full name, `mmmmm` the first letter.
_ABBREVIATION_WIDTH: Final = 3
_INITIAL_WIDTH: Final = 5


@dataclass(frozen=True, kw_only=True)
class Instant:
    """A number as a point in time; `weekday` counts from Sunday, `total` is in seconds."""

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
        total = rounded(value * DAY_SECONDS, places)
        days, seconds = divmod(int(total), DAY_SECONDS)
        if days > LAST_DAY:
            raise UndeterminedFormatError(value)
        year, month, day = _calendar_day(days)
        return cls(
            year=year,
            month=month,
            day=day,
            weekday=(days - 1) % _WEEK_DAYS,
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
        self._first_day = DAYS_TO_1904 if is_1904 else 0
        if section.has("exponent", "percent", "text_placeholder", "general"):
            raise UndeterminedFormatError(section)
        self._parts = _parts_of(list(section.tokens))
        self._places = max((len(part[1:]) for part in self._parts if part[0] == "."), default=0)
        self._is_12_hour = section.has("am_pm")
        has_names = any(
            part[0] in {"M", "d"} and len(part) >= _ABBREVIATION_WIDTH for part in self._parts
        )
        if has_names and section.has_foreign_names:
            raise UndeterminedFormatError(section)

    def show(self, value: Decimal) -> tuple[str, bool]:
        """Return a non-negative number as text, and False: a date never gets a minus sign."""
        instant = Instant.of(value + self._first_day, places=self._places)
        return "".join(self._shown(part, instant) for part in self._parts), False

    def _shown(self, part: str, instant: Instant) -> str:
        kind, width = part[0], len(part)
        if kind == "'":
            return part[1:]
        if kind == "h" and self._is_12_hour:
            hour = instant.seconds // _HOUR_SECONDS % _HALF_DAY_HOURS or _HALF_DAY_HOURS
            return str(hour).zfill(min(width, 2))
        return _RENDERERS[kind](instant, width, part)


def _parts_of(tokens: list[Token]) -> list[str]:
    """Return the parts of a format, each with its kind as first character.

    Letters stay as they are, except that months become `M`, since `m` stands for minutes. Literals
    begin with `'`, fractions of a second with `.`, elapsed times with `[`, AM/PM with `p`.
    """
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
    if len(tokens[at].text) >= _ABBREVIATION_WIDTH:
        return False
    before = tokens[letters[index - 1]].text[0] if index else ""
    after = tokens[letters[index + 1]].text[0] if index + 1 < len(letters) else ""
    return before == "h" or after == "s"


def _year(instant: Instant, width: int, _: str) -> str:
    return str(instant.year) if width >= _ABBREVIATION_WIDTH else f"{instant.year % 100:02}"


def _month(instant: Instant, width: int, _: str) -> str:
    if width < _ABBREVIATION_WIDTH:
        return str(instant.month).zfill(width)
    name = MONTHS[instant.month - 1]
    names = {_ABBREVIATION_WIDTH: name[:_ABBREVIATION_WIDTH], _INITIAL_WIDTH: name[0]}
    return names.get(width, name)


def _day(instant: Instant, width: int, _: str) -> str:
    if width < _ABBREVIATION_WIDTH:
        return str(instant.day).zfill(width)
    name = DAYS[instant.weekday]
    return name[:_ABBREVIATION_WIDTH] if width == _ABBREVIATION_WIDTH else name


def _clock_part(unit_seconds: int, count: int) -> Callable[[Instant, int, str], str]:
    def show(instant: Instant, width: int, _: str) -> str:
        return str(instant.seconds // unit_seconds % count).zfill(min(width, 2))

    return show


def _elapsed(instant: Instant, width: int, part: str) -> str:
    unit_seconds = {"h": _HOUR_SECONDS, "m": _MINUTE_SECONDS, "s": 1}[part[1]]
    return str(int(instant.total) // unit_seconds).zfill(width - 1)


def _am_pm(instant: Instant, width: int, part: str) -> str:
    am, _, pm = part[1:].partition("/")
    return pm if instant.seconds // _HOUR_SECONDS >= _HALF_DAY_HOURS else am


def _fraction(instant: Instant, width: int, _: str) -> str:
    return f"{instant.fraction:.{width - 1}f}"[1:]


_RENDERERS: Final[dict[str, Callable[[Instant, int, str], str]]] = {
    "y": _year,
    "M": _month,
    "d": _day,
    "h": _clock_part(_HOUR_SECONDS, 24),
    "m": _clock_part(_MINUTE_SECONDS, 60),
    "s": _clock_part(1, 60),
    "[": _elapsed,
    "p": _am_pm,
    ".": _fraction,
}
