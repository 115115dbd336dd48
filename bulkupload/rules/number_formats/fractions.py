"""Numbers shown as fractions: `# ?/?`, `0 0/8`."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from itertools import takewhile
from typing import Final

from bulkupload.rules.number_formats.errors import NotShownError
from bulkupload.rules.number_formats.tokens import Section, Token

MAX_DENOMINATOR_DIGITS: Final = 7


class FractionFormat:
    """A section with a slash between placeholders; `?/16` has a denominator of its own."""

    def __init__(self, section: Section) -> None:
        tokens = list(section.tokens)
        kinds = [token.kind for token in tokens]
        if kinds.count("slash") != 1 or section.has("point", "comma", "percent", "exponent", "at"):
            raise NotShownError(section)
        at = kinds.index("slash")
        self._over = _joined(takewhile(_is_digit, reversed(tokens[:at])))
        self._under = _joined(takewhile(_is_figure, tokens[at + 1 :]))
        if not self._under.strip("0"):
            self._under = _joined(takewhile(_is_digit, tokens[at + 1 :]))
        if not self._over or not self._under or len(self._under) > MAX_DENOMINATOR_DIGITS:
            raise NotShownError(section)
        self._fixed = int(self._under) if self._under.strip("0?#") else 0
        self._before = tokens[: at - len(self._over)]
        self._behind = tokens[at + 1 + len(self._under) :]
        self._whole = _joined(filter(_is_digit, self._before))

    def show(self, value: Decimal) -> tuple[str, bool]:
        """Return a number that is not negative, and whether a digit of it is shown."""
        number = Fraction(value)
        whole = int(number) if self._whole else 0
        over, under = self._nearest(number - whole)
        if self._whole and over == under:
            whole, over = whole + 1, 0
        text = f"{self._front(whole, over)}{self._quotient(over, under)}{_joined(self._behind)}"
        return text, bool(whole or over)

    def _nearest(self, part: Fraction) -> tuple[int, int]:
        if self._fixed:
            return int(part * self._fixed + Fraction(1, 2)), self._fixed
        return part.limit_denominator(10 ** len(self._under) - 1).as_integer_ratio()

    def _front(self, whole: int, over: int) -> str:
        digits = str(whole).zfill(self._whole.count("0")) if whole or not over else ""
        digits = digits or "0" * self._whole.count("0")
        shown: list[str] = []
        for token in self._before:
            shown.append(digits if _is_digit(token) else token.text)
            digits = "" if _is_digit(token) else digits
        return "".join(shown)

    def _quotient(self, over: int, under: int) -> str:
        if self._whole and not over and "0" not in self._over:  # blanks as wide as the fraction
            return ""
        top = str(over).rjust(len(self._over), "0" if "0" in self._over else " ")
        if not self._fixed and "0" in self._under:
            return f"{top}/{str(under).zfill(len(self._under))}"
        return f"{top}/{self._fixed or under}"


def _joined(tokens: Iterable[Token]) -> str:
    return "".join(token.text for token in tokens)


def _is_digit(token: Token) -> bool:
    return token.kind == "digit"


def _is_figure(token: Token) -> bool:
    return len(token.text) == 1 and token.text.isdecimal()
