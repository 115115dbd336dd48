"""The columns of a product table: each knows its names and cleans its own cell."""

import re
from dataclasses import dataclass, replace
from typing import Final

from bulkupload.codes import CellCode
from bulkupload.rules.limits import MAX_CELL_LENGTH
from bulkupload.rules.rows.excel_damage import reason_of
from bulkupload.rules.rows.row_shape_errors import Fault
from catalog.rules.identifiers import clean_identifier

# With a fraction or a sign, as programs write numbers: 12E3 and 12E-05 are SKUs somebody chose.
_SCIENTIFIC = re.compile(r"[+-]?\d+(?:[.,]\d+[eE][+-]?|[eE]\+)\d{1,3}")
# In every language it speaks: #REF!, #BEZUG!, #¿NOMBRE?, #DEEL/0!; those without a mark by name.
_EXCEL_ERROR = re.compile(r"#[¡¿]?[A-ZÀ-ÖØ-Þ]+(?:/[A-Z0])?[!?]|#N/[ABD]|#NV")
_ZEROS_DROPPED = "Excel dropped leading zeros"
_DROPPED = re.compile(rf"{_ZEROS_DROPPED}: (\d+)\?")
_CUT = "Excel cut this SKU"
_EXACT_DIGITS: Final = 15  # what a number in Excel keeps; the rest becomes zeros
_NOT_WORDS = re.compile(r"[\W_]+")
TEXT_FORMULA: Final = '="'  # how people make Excel keep a text: ="00123"
_TEXT_FORMULA = re.compile(r'="((?:[^"]|"")*)"')
# What pandas and databases write for an empty cell, and pandas for whole numbers in such a column.
_NOTHING_WRITTEN: Final = frozenset({"nan", "NaN", "None", "NaT", "<NA>", "null", "NULL"})
_WHOLE_NUMBER = re.compile(r"(\d+)\.0+")
_DECIMAL = "A program turned this SKU into a decimal number"


class CellError(Exception):
    """Raised when a cell is refused."""

    def __init__(self, code: CellCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, kw_only=True)
class Column:
    """One field of a product that a table may bring."""

    field: str
    limit: int
    names: tuple[str, ...]
    sample: str
    required: bool = False

    def clean(self, cell: str) -> str:
        """Return the cell as it is stored, or raise CellError."""
        text = written_text(cell)
        if self.required and not text:
            raise CellError("missing", f"Every row needs a {self.field}. Fill this cell.")
        if len(text) > self.limit:
            message = f"Longer than {self.limit:,} characters. Shorten it."
            raise CellError("string_too_long", message)
        if not text.isprintable():
            _require_storable(text)
        if text[:1] == "#":
            _require_undamaged(text)
        return text


@dataclass(frozen=True, kw_only=True)
class SkuColumn(Column):
    """The SKU: by it rows and products are matched, so a damaged one is never imported.

    `exact` says that a long number is what somebody wrote, and not what Excel left of it.
    """

    exact: bool = False

    def clean(self, cell: str) -> str:
        """Return the SKU in its one spelling; refuse what programs make of numbers."""
        text = super().clean(clean_identifier(written_text(cell)))
        if text in _NOTHING_WRITTEN:
            message = f"{text} is what programs write for an empty cell. Enter the SKU."
            raise CellError("missing", message)
        if not text[:1].isdigit() and text[:1] not in "+-":
            return text
        if _SCIENTIFIC.fullmatch(text):
            message = f"Excel turned this SKU into {text}. Format the column as text, write it out."
            raise CellError("excel_damage", message)
        whole = _WHOLE_NUMBER.fullmatch(text)
        if whole and not self.exact:
            message = f"{_DECIMAL}. If it is {whole[1]}, enter that."
            raise CellError("excel_damage", message)
        cut = len(text) > _EXACT_DIGITS and text.isdigit() and not text[_EXACT_DIGITS:].strip("0")
        if cut and not self.exact:
            message = f"{_CUT} after 15 digits. Format the column as text, write it out."
            raise CellError("excel_damage", message)
        return text


@dataclass(frozen=True, kw_only=True)
class ImageColumn(Column):
    """A slot of a product for pictures: a bad one is a warning and never sinks its row."""

    limit: int = MAX_CELL_LENGTH
    sample: str = ""
    several: bool = False


def is_plain_sku(text: str) -> bool:
    """Whether a SKU without blanks around it needs no closer look.

    Letters beyond ASCII have more than one spelling, and a short word may be `nan`.
    """
    if not text.isascii() or text in _NOTHING_WRITTEN:
        return False
    return text[:1].isalpha() or (text.isdigit() and len(text) <= _EXACT_DIGITS)


def written_text(cell: str) -> str:
    """Return a cell without outer blanks, and the text inside `="…"`."""
    text = cell.strip()
    if not text.startswith(TEXT_FORMULA):
        return text
    quoted = _TEXT_FORMULA.fullmatch(text)
    return quoted[1].replace('""', '"').strip() if quoted else text


def spelled_sku(cell: str) -> str:
    """Return the SKU in a cell as rows are matched by it, whether or not it is acceptable."""
    text = cell.strip()
    if text.isascii() and text.isprintable() and not text.startswith(TEXT_FORMULA):
        return text
    return clean_identifier(written_text(text))


def lost_zeros(text: str, width: int) -> CellError:
    """Return the refusal of a number with fewer digits than all others of its table have."""
    message = (
        f"{_ZEROS_DROPPED}: {text.zfill(width)}? Format the column as text. "
        "If none are missing, send the error file with this row's error_code cleared."
    )
    return CellError("excel_damage", message)


def zeros_of(known: str) -> CellError:
    """Return the refusal of a number that only lacks the zeros of a product's SKU."""
    message = f"{_ZEROS_DROPPED}: there is a product {known}. Format the column as text."
    return CellError("excel_damage", message)


def digits_told(code: str, message: str) -> int:
    """Return how many digits a row that came back said its SKU should have; 0 when it did not."""
    found = _DROPPED.search(message) if "excel_damage" in code else None
    return len(found[1]) if found else 0


def is_told_cut(message: str) -> bool:
    """Whether a row that came back said its SKU had been cut, or got decimals."""
    return _CUT in message or _DECIMAL in message


def _require_undamaged(text: str) -> None:
    reason = reason_of(text)
    if reason is None and _EXCEL_ERROR.fullmatch(text):
        reason = f"Excel could not compute this cell ({text}). Write the value itself."
    if reason is not None:
        raise CellError("excel_damage", reason)


def _require_storable(text: str) -> None:
    if "\x00" in text:
        raise CellError("string_characters", "Holds a NUL character. Remove it.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        message = "Holds bytes that are no text in this encoding. Save the file as UTF-8."
        raise CellError("encoding", message)


_SKU: Final = SkuColumn(
    field="sku",
    limit=100,
    required=True,
    sample="AW26-0001",
    names=(
        *("variant sku", "product sku", "item sku", "article number", "item number"),
        *("product code", "artikelnummer"),
    ),
)
TEXT_SKU: Final = replace(_SKU, exact=True)
COLUMNS: Final[tuple[Column, ...]] = (
    _SKU,
    Column(
        field="name",
        limit=255,
        required=True,
        sample="Oxford shoe",
        names=("title", "product name", "product title", "item name"),
    ),
    Column(
        field="brand",
        limit=255,
        sample="Sartiq",
        names=("vendor", "manufacturer", "brand name"),
    ),
    Column(
        field="description",
        limit=10_000,
        sample="Hand-made, leather sole",
        names=("body html", "product description", "long description"),
    ),
    Column(
        field="gender",
        limit=50,
        sample="unisex",
        names=("google shopping gender", "target gender", "sex"),
    ),
    Column(
        field="materials",
        limit=1000,
        sample="leather",
        names=("material", "fabric", "composition", "material composition"),
    ),
    Column(field="color", limit=100, sample="black", names=("colour", "farbe")),
    ImageColumn(
        field="cover_image",
        names=("cover image url", "cover", "main image", "front image"),
    ),
    ImageColumn(field="back_image", names=("back image url",)),
    ImageColumn(
        field="images",
        names=(
            *("image src", "image urls", "image url", "product image url", "product images"),
            *("additional images",),
        ),
        several=True,
    ),
)
BY_FIELD: Final = {column.field: column for column in COLUMNS}
FIELDS: Final = tuple(BY_FIELD)
IMAGE_FIELDS: Final = tuple(each.field for each in COLUMNS if isinstance(each, ImageColumn))
ROW_FIELDS: Final = tuple(name for name in FIELDS if name not in IMAGE_FIELDS)
HANDLE_NAMES: Final = ("handle", "url handle")  # what makes a table a Shopify export
POSITION_NAMES: Final = ("image position",)  # of a picture among those of its handle
INHERITED: Final = ("name", "brand")  # a variant takes them from the first row of its handle


def words_of(name: str) -> str:
    """Return a column's name without case and punctuation, as names are compared."""
    return _NOT_WORDS.sub(" ", name).strip().casefold()


def refused(column: str, cell: str, error: CellError) -> Fault:
    """Return what is wrong with a cell of the uploader's column."""
    return Fault(code=error.code, message=error.message, column=column, value=cell)
