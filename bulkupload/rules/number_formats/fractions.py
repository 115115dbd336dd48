"""Numbers shown as fractions: `# ?/?`, `0 0/8`."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from itertools import takewhile
from typing import Final

from bulkupload.rules.number_formats.errors import UndeterminedFormatError
from bulkupload.rules.number_formats.tokens import Section, Token

MAX_DENOMINATOR_DIGITS: Final = 7


class FractionFormat:
    """A section with a slash between placeholders; `?/16` has a fixed denominator."""

    def __init__(self, section: Section) -> None:
        tokens = list(section.tokens)
        kinds = [token.kind for token in tokens]
        if kinds.count("slash") != 1 or section.has(
            "point", "comma", "percent", "exponent", "text_placeholder"
        ):
            raise UndeterminedFormatError(section)
        at = kinds.index("slash")
        self._numerator = _joined(takewhile(_is_digit, reversed(tokens[:at])))
        self._denominator = _joined(takewhile(_is_figure, tokens[at + 1 :]))
        if not self._denominator.strip("0"):
            self._denominator = _joined(takewhile(_is_digit, tokens[at + 1 :]))
        if (
            not self._numerator
            or not self._denominator
            or len(self._denominator) > MAX_DENOMINATOR_DIGITS
        ):
            raise UndeterminedFormatError(section)
        self._fixed = int(self._denominator) if self._denominator.strip("0?#") else 0
        self._before = tokens[: at - len(self._numerator)]
        self._after = tokens[at + 1 + len(self._denominator) :]
        self._whole = _joined(filter(_is_digit, self._before))

    def show(self, value: Decimal) -> tuple[str, bool]:
        """Return a non-negative number as text, and whether it gets a sign: it is not zero."""
        number = Fraction(value)
        whole = int(number) if self._whole else 0
        numerator, denominator = self._nearest(number - whole)
        if self._whole and numerator == denominator:
            whole, numerator = whole + 1, 0
        quotient = self._quotient(numerator, denominator)
        text = f"{self._front(whole, numerator)}{quotient}{_joined(self._after)}"
        return text, bool(whole or numerator)

    def _nearest(self, part: Fraction) -> tuple[int, int]:
        if self._fixed:
            return int(part * self._fixed + Fraction(1, 2)), self._fixed
        return part.limit_denominator(10 ** len(self._denominator) - 1).as_integer_ratio()

    def _front(self, whole: int, numerator: int) -> str:
        digits = str(whole).zfill(self._whole.count("0")) if whole or not numerator else ""
        digits = digits or "0" * self._whole.count("0")
        shown: list[str] = []
        for token in self._before:
            shown.append(digits if _is_digit(token) else token.text)
            digits = "" if _is_digit(token) else digits
        return "".join(shown)

    def _quotient(self, numerator: int, denominator: int) -> str:
        if self._whole and not numerator and "0" not in self._numerator:
            return ""  # a whole number is shown without a fraction
        top = str(numerator).rjust(len(self._numerator), "0" if "0" in self._numerator else " ")
        if not self._fixed and "0" in self._denominator:
            return f"{top}/{str(denominator).zfill(len(self._denominator))}"
        return f"{top}/{self._fixed or denominator}"


def _joined(tokens: Iterable[Token]) -> str:
    return "".join(token.text for token in tokens)


def _is_digit(token: Token) -> bool:
    return token.kind == "digit"


def _is_figure(token: Token) -> bool:
    return len(token.text) == 1 and token.text.isdecimal()
