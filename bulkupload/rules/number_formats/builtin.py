"""The built-in formats, which a file refers to by number."""

from typing import Final

GENERAL: Final = "General"
# The numbers missing between 5 and 58 depend on the computer's locale: dates (14, 22, 27 to 36, 50
# to 58) and currencies (5 to 8, 42, 44).
BUILTIN: Final = {
    0: GENERAL,
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    12: "# ?/?",
    13: "# ??/??",
    15: "d-mmm-yy",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM",
    20: "h:mm",
    21: "h:mm:ss",
    37: "#,##0 ;(#,##0)",
    38: "#,##0 ;[Red](#,##0)",
    39: "#,##0.00;(#,##0.00)",
    40: "#,##0.00;[Red](#,##0.00)",
    41: '_(* #,##0_);_(* \\(#,##0\\);_(* "-"_);_(@_)',
    43: '_(* #,##0.00_);_(* \\(#,##0.00\\);_(* "-"??_);_(@_)',
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mmss.0",
    48: "##0.0E+0",
    49: "@",
}
DATES: Final = frozenset((14, 22, *range(27, 37), *range(50, 59)))
_FIRST_CUSTOM: Final = 164


def builtin_code(number: int) -> str | None:
    """Return the code of a built-in format, None if it depends on the computer's locale."""
    return BUILTIN.get(number) if number < _FIRST_CUSTOM else GENERAL
