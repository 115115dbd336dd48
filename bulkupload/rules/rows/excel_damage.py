"""Values that a spreadsheet changed and that cannot be restored from the file.

When a workbook is converted to CSV, a cell whose value is lost gets a marker such as `#DATE!` in
front, similar to Excel's `#REF!`. If the error file is sent again unchanged, the cell is refused
again because of its marker.
"""

import re
from dataclasses import dataclass, field
from typing import Final, Self

from bulkupload.codes import CellCode
from bulkupload.rules.number_formats.values import EXACT_DIGITS

EXCEL_DAMAGE: Final[CellCode] = "excel_damage"

DATE_MARKER: Final = "#DATE!"
DIGITS_MARKER: Final = "#DIGITS!"
FORMAT_MARKER: Final = "#FORMAT!"
NOT_COMPUTED_MARKER: Final = "#CALC!"  # a formula whose value is not in the file
UNNAMED_ERROR_MARKER: Final = "#VALUE!"  # for an error whose name is not in the file
ERROR_PREFIX: Final = "#"
_REASONS: Final = {
    DATE_MARKER: "The cell holds a date or a time ({shown}), not text.",
    DIGITS_MARKER: "Excel keeps only the first 15 digits of a number ({shown}).",
    FORMAT_MARKER: "The format of the number {shown} depends on the computer or is not supported.",
}
# In all languages of Excel: #REF!, #BEZUG!, #¿NOMBRE?, #DEEL/0!; then those without `!` or `?`.
_ERROR: Final = re.compile(r"#[¡¿]?[A-ZÀ-ÖØ-Þ]+(?:/[A-Z0])?[!?]|#N/[ABD]|#NV")
# Only with a decimal point or `E+`, as programs write numbers: 12E3 and 12E-05 may be real SKUs.
_SCIENTIFIC: Final = re.compile(r"[+-]?\d+(?:[.,]\d+[eE][+-]?|[eE]\+)\d{1,3}")
_WHOLE_DECIMAL: Final = re.compile(r"(\d+)\.0+")
_ENTER_AGAIN: Final = "Format the column as Text and enter the value again."
_ENTER_NUMBER: Final = "Format the column as Text and enter the full number."
_MIN_ZERO_PADDED_DIGITS: Final = 4  # shorter numbers do not count as zero-padded


class DamagedText(str):
    """The shown text of a number that cannot be an identifier: a date, or one that lost digits.

    `marked` replaces it in a column of identifiers.
    """

    __slots__ = ("marked",)
    marked: str

    def __new__(cls, text: str, marked: str) -> Self:
        """Return a text with its replacement for a column of identifiers."""
        damaged = super().__new__(cls, text)
        damaged.marked = marked
        return damaged


def with_marker(marker: str, shown: str) -> str:
    """Return the text of a cell with a marker in front, because of which it is refused."""
    return f"{marker} {shown}"


def damage_in_cell(text: str) -> str | None:
    """Return why a cell that begins with `#` is refused, or None if it is accepted."""
    marker, _, shown = text.partition(" ")
    if reason := _REASONS.get(marker):
        return f"{reason.format(shown=shown)} {_ENTER_AGAIN}"
    if _ERROR.fullmatch(text):
        return f"Excel could not compute this cell ({text}). Enter the value itself."
    return None


def damage_in_sku(text: str, *, is_exact: bool) -> str | None:
    """Return why an SKU that begins like a number is refused, or None if it is accepted.

    An exact SKU was never stored as a number, so its last digits and decimals are as entered.
    """
    if _SCIENTIFIC.fullmatch(text):
        return f"Excel changed this SKU to {text}. {_ENTER_NUMBER}"
    if is_exact:
        return None
    if whole := _WHOLE_DECIMAL.fullmatch(text):
        return f"A program changed this SKU to a decimal number. If it is {whole[1]}, enter that."
    if len(text) > EXACT_DIGITS and text.isdigit() and not text[EXACT_DIGITS:].strip("0"):
        return f"Excel replaced the digits after the first 15 with zeros. {_ENTER_NUMBER}"
    return None


def is_undamaged_number(text: str) -> bool:
    """Whether a text of digits is short enough to be exact in Excel."""
    return text.isdigit() and len(text) <= EXACT_DIGITS


def lost_zeros_message(sku: str, width: int) -> str:
    """Return the message for a number with fewer digits than the others of its table."""
    return (
        f"Excel dropped leading zeros. Is the SKU {sku.zfill(width)}? {_ENTER_NUMBER} "
        "If no zeros are missing, clear this row's error_code in the error file and send it."
    )


def matching_product_message(product_sku: str) -> str:
    """Return the message for a number that only lacks the leading zeros of a product's SKU."""
    return f"Excel dropped leading zeros: a product has the SKU {product_sku}. {_ENTER_NUMBER}"


@dataclass
class SkuWidths:
    """The digit counts of a table's numeric SKUs."""

    with_zeros: set[int] = field(default_factory=set)
    longest: int = 0

    def add(self, sku: str) -> None:
        """Count a numeric SKU."""
        if sku[0] == "0":
            self.with_zeros.add(len(sku))
        self.longest = max(self.longest, len(sku))

    @property
    def common(self) -> int | None:
        """The width of zero-padded SKUs, if it is the same for all: shorter numbers lost zeros."""
        widths = self.with_zeros
        if len(widths) != 1 or self.longest not in widths or self.longest < _MIN_ZERO_PADDED_DIGITS:
            return None
        return self.longest
