"""Numbers shown by digit placeholders: `0`, `#` and `?`, with or without an exponent."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple, Self

from bulkupload.rules.number_formats.errors import UndeterminedFormatError
from bulkupload.rules.number_formats.tokens import Section, Token
from bulkupload.rules.number_formats.values import CONTEXT, rounded

_PADDING: Final = {"0": "0", "?": " ", "#": ""}  # what each placeholder shows without a digit
_GROUP_DIGITS: Final = 3
_SIMPLE_PATTERN: Final = re.compile("#*0+")


class _SimplePattern(NamedTuple):
    """Adjacent placeholders such as `#00`, between literals: nearly every format."""

    before: str
    width: int
    after: str

    @classmethod
    def parse(cls, tokens: Sequence[Token]) -> Self | None:
        """Return the pattern, or None if the placeholders are not that simple."""
        indexes = [at for at, token in enumerate(tokens) if token.kind == "digit"]
        placeholders = "".join(tokens[at].text for at in indexes)
        are_adjacent = indexes and indexes[-1] - indexes[0] + 1 == len(indexes)
        if not are_adjacent or not _SIMPLE_PATTERN.fullmatch(placeholders):
            return None
        before, after = tokens[: indexes[0]], tokens[indexes[-1] + 1 :]
        return cls(_joined(before), placeholders.count("0"), _joined(after))

    def fill(self, whole: str, *, grouped: bool) -> str:
        """Return a whole number between the literals."""
        digits = f"{int(whole):0{self._width_of(grouped=grouped)}{',' if grouped else ''}}"
        return f"{self.before}{digits}{self.after}"

    def _width_of(self, *, grouped: bool) -> int:
        """Return the number of characters, with the commas between groups of digits."""
        return self.width + (self.width - 1) // _GROUP_DIGITS if grouped else self.width


def _joined(tokens: Sequence[Token]) -> str:
    return "".join(token.text for token in tokens)


class DigitFormat:
    """A section of digit placeholders."""

    def __init__(self, section: Section) -> None:
        tokens = list(section.tokens)
        self._percents = sum(token.kind == "percent" for token in tokens)
        self._exponent_sign, self._exponent = "", list[Token]()  # `E+` and the tokens after it
        exponents = [at for at, token in enumerate(tokens) if token.kind == "exponent"]
        if exponents:
            at = exponents[0]
            self._exponent_sign, self._exponent = tokens[at].text, tokens[at + 1 :]
            tokens = tokens[:at]
        self._grouped, self._thousands, tokens = _without_commas(tokens)
        points = [at for at, token in enumerate(tokens) if token.kind == "point"]
        if len(points) > 1 or len(exponents) > 1:
            raise UndeterminedFormatError(section)
        self._has_point = bool(points)
        whole_end = points[0] if points else len(tokens)
        self._whole, self._fraction = tokens[:whole_end], tokens[whole_end + 1 :]
        self._places = _count(self._fraction)
        self._simple = _SimplePattern.parse(self._whole)

    def show(self, value: Decimal) -> tuple[str, bool]:
        """Return a non-negative number as text, and whether it gets a sign: it is not zero."""
        value = value.scaleb(2 * self._percents - _GROUP_DIGITS * self._thousands)
        if self._exponent_sign:
            return self._scientific(value), bool(value)
        value = rounded(value, self._places)
        return self._plain(value), bool(value)

    def _plain(self, value: Decimal) -> str:
        whole, _, fraction = f"{value:f}".partition(".")
        if self._simple:
            text = self._simple.fill(whole, grouped=self._grouped)
        else:
            text = _fill(self._whole, whole.lstrip("0"), grouped=self._grouped)
        return f"{text}.{_fill_after(self._fraction, fraction)}" if self._has_point else text

    def _scientific(self, value: Decimal) -> str:
        step = max(_count(self._whole), 1)  # the exponent is a multiple of it
        exponent = value.adjusted() // step * step if value else 0
        mantissa = rounded(value.scaleb(-exponent), self._places)
        if mantissa >= CONTEXT.power(10, step):  # 9.99 was rounded to 10.0
            exponent += step
            mantissa = rounded(value.scaleb(-exponent), self._places)
        sign = "-" if exponent < 0 else self._exponent_sign[1:].replace("-", "")
        digits = str(abs(exponent)) if exponent else ""
        return f"{self._plain(mantissa)}E{sign}{_fill(self._exponent, digits, grouped=False)}"


def _without_commas(tokens: Sequence[Token]) -> tuple[bool, int, list[Token]]:
    """Remove the commas; return whether they group digits, and how often they divide by 1,000."""
    grouped, thousands = False, 0
    remaining: list[Token] = []
    kinds = [token.kind for token in tokens]
    point = kinds.index("point") if "point" in kinds else len(kinds)
    for at, token in enumerate(tokens):
        if token.kind != "comma":
            remaining.append(token)
        elif not remaining or remaining[-1].kind != "digit":
            remaining.append(Token("text", ","))
        elif "digit" in kinds[at:point]:
            grouped = True
        elif "digit" in kinds[at:] and at > point:
            raise UndeterminedFormatError(tokens)
        else:
            thousands += 1
    return grouped, thousands, remaining


def _count(tokens: Sequence[Token]) -> int:
    return sum(token.kind == "digit" for token in tokens)


def _fill(tokens: Sequence[Token], digits: str, *, grouped: bool) -> str:
    """Put digits into placeholders from the right; the leftmost one takes all remaining digits."""
    remaining = _count(tokens)
    if not remaining and digits:
        return "".join(token.text for token in tokens) + digits
    shown: list[str] = []
    taken = 0
    for token in reversed(tokens):
        if token.kind != "digit":
            shown.append(token.text)
            continue
        remaining -= 1
        end = max(len(digits) - taken, 0)
        for digit in digits[max(end - 1, 0) : end] if remaining else digits[:end][::-1]:
            shown.append(_grouped(digit, taken) if grouped else digit)
            taken += 1
        if not end and (padding := _PADDING[token.text]):
            shown.append(_grouped(padding, taken) if grouped else padding)
            taken += 1
    return "".join(reversed(shown))


def _grouped(digit: str, place: int) -> str:
    """Return a digit, with a comma after it if it is the last one of a group."""
    if not place or place % _GROUP_DIGITS:
        return digit
    return f"{digit}," if digit != " " else "  "


def _fill_after(tokens: Sequence[Token], digits: str) -> str:
    """Put the digits after the point into placeholders, without insignificant zeros."""
    placeholders = [token.text for token in tokens if token.kind == "digit"]
    significant = max((at + 1 for at, digit in enumerate(digits) if digit != "0"), default=0)
    required = max((at + 1 for at, text in enumerate(placeholders) if text == "0"), default=0)
    shown: list[str] = []
    at = 0
    for token in tokens:
        if token.kind != "digit":
            shown.append(token.text)
            continue
        shown.append(digits[at] if at < max(significant, required) else _PADDING[token.text])
        at += 1
    return "".join(shown)
