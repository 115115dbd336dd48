"""The numbers of a sheet, which have fifteen digits, and the format General."""

from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final

EXACT_DIGITS: Final = 15  # of a number in a sheet; further ones are lost
MAX_WHOLE: Final = Decimal(10) ** EXACT_DIGITS  # from here on digits are lost
_WIDTH: Final = 11  # characters in General, without the sign
_SCIENTIFIC_DIGITS: Final = 6
_MIN_PLACE: Final = -4  # of the first digit of numbers below one that are shown in full
# Enough for the digits of the largest float and as many after the point.
CONTEXT: Final = Context(prec=700, rounding=ROUND_HALF_UP)
_UNITS: Final = [Decimal(1).scaleb(-places) for places in range(256)]  # as long as a format may be


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
    place = value.adjusted()
    if _MIN_PLACE <= place < 0:
        return sign + _plain(rounded(value, _WIDTH - 2))
    for places in (_WIDTH + 1, _WIDTH - 2 - max(place, 0)):
        text = _plain(rounded(value, max(places, 0)))
        if len(text) <= _WIDTH and (place >= 0 or Decimal(text) == value):
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
