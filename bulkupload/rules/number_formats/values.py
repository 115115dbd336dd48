"""Numbers as spreadsheets keep them, with fifteen digits, and show them in the format General."""

from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final

EXACT_DIGITS: Final = 15  # spreadsheets keep no more digits of a number
MAX_WHOLE: Final = Decimal(10) ** EXACT_DIGITS  # from this number on, digits are lost
_GENERAL_WIDTH: Final = 11  # characters that General shows, without the sign
_ZERO_AND_POINT: Final = 2  # characters of the "0." before decimal places
_SCIENTIFIC_DIGITS: Final = 6
_MIN_EXPONENT: Final = -4  # numbers below 0.0001 are shown in scientific notation
# Enough for the largest float (309 digits) with the most decimal places of a format.
CONTEXT: Final = Context(prec=700, rounding=ROUND_HALF_UP)
# One, 0.1, 0.01 and so on: a format has at most 255 characters, so no more decimal places.
_UNITS: Final = [Decimal(1).scaleb(-places) for places in range(256)]


def decimal_of(number: float) -> Decimal:
    """Return a number rounded to the fifteen digits that spreadsheets keep."""
    return Decimal(f"{number:.{EXACT_DIGITS}g}")


def rounded(value: Decimal, places: int) -> Decimal:
    """Return a number rounded to decimal places, halves away from zero, as number formats do."""
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
        return sign + _plain(rounded(value, _GENERAL_WIDTH - _ZERO_AND_POINT))
    # All decimal places, if they fit; else as many as fit.
    fitting_places = _GENERAL_WIDTH - _ZERO_AND_POINT - max(exponent, 0)
    for places in (_GENERAL_WIDTH + 1, fitting_places):
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
