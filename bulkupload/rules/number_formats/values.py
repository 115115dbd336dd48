"""The numbers of a sheet, which have fifteen digits, and the format General."""

from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final

EXACT_DIGITS: Final = 15  # a number in a sheet has no more
MAX_WHOLE: Final = Decimal(10) ** EXACT_DIGITS  # this number and larger ones have lost digits
_GENERAL_WIDTH: Final = 11  # characters in General, without the sign
_SCIENTIFIC_DIGITS: Final = 6
_MIN_EXPONENT: Final = -4  # numbers below 0.0001 are shown in scientific notation
# Enough for the digits of the largest float and as many after the point.
CONTEXT: Final = Context(prec=700, rounding=ROUND_HALF_UP)
# One, 0.1, 0.01 and so on: a format has at most 255 characters, so no more decimal places.
_UNITS: Final = [Decimal(1).scaleb(-places) for places in range(256)]


def decimal_of(number: float) -> Decimal:
    """Return a number with the fifteen digits that a sheet calculates with."""
    return Decimal(f"{number:.{EXACT_DIGITS}g}")


def rounded(value: Decimal, places: int) -> Decimal:
    """Return a number rounded as formats do: halves away from zero."""
    return value.quantize(_UNITS[places], context=CONTEXT)


def general(value: Decimal) -> str:
    """Return a number in the format General.

    A whole number of up to fifteen digits is shown in full, as Google Sheets, LibreOffice and the
    formula bar of Excel do; only the cell itself may shorten it, by its width.
    """
    if value == value.to_integral_value() and abs(value) < MAX_WHOLE:
        return str(int(value))
    sign, value = ("-" if value < 0 else ""), abs(value)
    exponent = value.adjusted()
    if _MIN_EXPONENT <= exponent < 0:
        return sign + _plain(rounded(value, _GENERAL_WIDTH - 2))
    for places in (_GENERAL_WIDTH + 1, _GENERAL_WIDTH - 2 - max(exponent, 0)):
        text = _plain(rounded(value, max(places, 0)))
        if len(text) <= _GENERAL_WIDTH and (exponent >= 0 or Decimal(text) == value):
            return sign + text
    return sign + _scientific(value)


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _scientific(value: Decimal) -> str:
    mantissa, _, exponent = f"{value:.{_SCIENTIFIC_DIGITS - 1}E}".partition("E")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}E{exponent[0]}{exponent[1:].zfill(2)}"
