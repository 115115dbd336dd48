"""The columns of a product table and the checks of their cells."""

import re
from dataclasses import dataclass, replace
from typing import Final

from bulkupload.codes import CellCode
from bulkupload.rules.limits import MAX_CELL_LENGTH
from bulkupload.rules.rows.excel_damage import (
    ERROR_PREFIX,
    EXCEL_DAMAGE,
    damage_in_cell,
    damage_in_sku,
    is_undamaged_number,
)
from catalog.rules.identifiers import clean_identifier

TEXT_FORMULA: Final = '="'  # makes Excel keep a number as text: ="00123"
_TEXT_FORMULA = re.compile(r'="((?:[^"]|"")*)"')
# What pandas and databases write for an empty cell.
_EMPTY_VALUES: Final = frozenset({"nan", "NaN", "None", "NaT", "<NA>", "null", "NULL"})


class CellError(Exception):
    """Raised when a cell is refused."""

    def __init__(self, code: CellCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, kw_only=True)
class Column:
    """One field of a product that a table may have."""

    field: str
    limit: int
    sample: str
    required: bool = False

    def clean(self, cell: str) -> str:
        """Return the value to store, or raise CellError."""
        text = unwrapped_text(cell)
        if self.required and not text:
            raise CellError("missing", f"Every row needs a {self.field}. Fill this cell.")
        if len(text) > self.limit:
            message = f"Longer than {self.limit:,} characters. Shorten it."
            raise CellError("string_too_long", message)
        if not text.isprintable():
            _require_storable(text)
        if text.startswith(ERROR_PREFIX) and (damage := damage_in_cell(text)):
            raise CellError(EXCEL_DAMAGE, damage)
        return text


@dataclass(frozen=True, kw_only=True)
class SkuColumn(Column):
    """The SKU, which identifies the product of a row: a damaged one is never imported.

    `is_exact` means that no program has read the SKUs as numbers.
    """

    is_exact: bool = False

    def clean(self, cell: str) -> str:
        """Return the SKU in its normal form, or raise CellError."""
        text = super().clean(clean_identifier(unwrapped_text(cell)))
        if text in _EMPTY_VALUES:
            message = f"Programs write {text} for an empty cell. Enter the SKU."
            raise CellError("missing", message)
        if not text[:1].isdigit() and text[:1] not in "+-":
            return text
        damage = damage_in_sku(text, is_exact=self.is_exact)
        if damage is not None:
            raise CellError(EXCEL_DAMAGE, damage)
        return text


@dataclass(frozen=True, kw_only=True)
class ImageColumn(Column):
    """A product's image slot: a bad image is a warning and never refuses its row."""

    limit: int = MAX_CELL_LENGTH
    sample: str = ""


def is_plain_sku(text: str) -> bool:
    """Whether an SKU without surrounding whitespace needs no further check.

    Text beyond ASCII may need normalization, and words such as `nan` stand for an empty cell.
    """
    if not text.isascii() or text in _EMPTY_VALUES:
        return False
    return text[:1].isalpha() or is_undamaged_number(text)


def unwrapped_text(cell: str) -> str:
    """Return the text of a cell, without surrounding whitespace and without `="…"` around it."""
    text = cell.strip()
    if not text.startswith(TEXT_FORMULA):
        return text
    quoted = _TEXT_FORMULA.fullmatch(text)
    return quoted[1].replace('""', '"').strip() if quoted else text


def normalized_sku(cell: str) -> str:
    """Return the SKU in a cell in its normal form, without checking it."""
    text = cell.strip()
    if text.isascii() and text.isprintable() and not text.startswith(TEXT_FORMULA):
        return text
    return clean_identifier(unwrapped_text(text))


def _require_storable(text: str) -> None:
    if "\x00" in text:
        raise CellError("string_characters", "Contains a NUL character. Remove it.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        message = "Contains bytes that are not text in this encoding. Save the file as UTF-8."
        raise CellError("encoding", message)


_SKU: Final = SkuColumn(
    field="sku",
    limit=100,
    required=True,
    sample="AW26-0001",
)
EXACT_SKU: Final = replace(_SKU, is_exact=True)
COLUMNS: Final[tuple[Column, ...]] = (
    _SKU,
    Column(
        field="name",
        limit=255,
        required=True,
        sample="Oxford shoe",
    ),
    Column(
        field="brand",
        limit=255,
        sample="Sartiq",
    ),
    Column(
        field="description",
        limit=10_000,
        sample="Hand-made, leather sole",
    ),
    Column(
        field="gender",
        limit=50,
        sample="unisex",
    ),
    Column(
        field="materials",
        limit=1000,
        sample="leather",
    ),
    Column(field="color", limit=100, sample="black"),
    ImageColumn(field="cover_image"),
    ImageColumn(field="back_image"),
    ImageColumn(field="images"),
)
BY_FIELD: Final = {column.field: column for column in COLUMNS}
FIELDS: Final = tuple(BY_FIELD)
IMAGE_FIELDS: Final = tuple(c.field for c in COLUMNS if isinstance(c, ImageColumn))
ROW_FIELDS: Final = tuple(name for name in FIELDS if name not in IMAGE_FIELDS)
# A variant without a value of its own takes it from the first row of its handle.
INHERITED_FIELDS: Final = ("name", "brand")
