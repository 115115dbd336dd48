"""Checking the rows of a table: their shape, then each cell, collecting all errors."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from operator import gt, itemgetter
from typing import NamedTuple

from bulkupload.rules.rows.checked_rows import RefusedRow, ValidRow, shortened
from bulkupload.rules.rows.columns import (
    BY_FIELD,
    EXACT_SKU,
    IMAGE_FIELDS,
    ROW_FIELDS,
    TEXT_FORMULA,
    CellError,
    Column,
    is_plain_sku,
)
from bulkupload.rules.rows.excel_damage import ERROR_PREFIX, EXCEL_DAMAGE, lost_zeros_message
from bulkupload.rules.rows.formulas import unquote_formula
from bulkupload.rules.rows.row_shape_errors import SHAPE_CODES, RowError, cell_count_error
from bulkupload.rules.rows.shopify_handles import variants
from bulkupload.rules.table.csv_records import (
    PLAIN_BATCH_SIZE,
    PlainLines,
    Record,
    Records,
    is_blank,
)
from bulkupload.rules.table.header import Layout, PreviousErrors
from bulkupload.rules.table.repeated_headers import without_headers

_PREFIXES = (ERROR_PREFIX, TEXT_FORMULA[0])

# Like `ValidRow(…)`, which takes three times as long, since it is a Python function.
_new_valid_row = partial(tuple.__new__, ValidRow)


class CellCheck(NamedTuple):
    """How one cell of every row is checked: by its column's limit and its other rules."""

    cell_index: int
    limit: int
    required: bool
    column: Column


class Cleaner:
    """Checks the rows of one table.

    `sku_width` is the number of digits of its SKUs if they are zero-padded numbers. In a `workbook`
    a long number is exact, since it is stored as text. The same is true if the server itself
    imports an error file again (`retried`), except in rows that report damage.
    """

    def __init__(
        self,
        layout: Layout,
        *,
        sku_width: int | None,
        workbook: bool = False,
        retried: bool = False,
    ) -> None:
        self._layout = layout
        self._width = layout.width
        # An error file has only some rows of the table: their width may be that of a few SKUs only.
        self._sku_digits = 0 if layout.errors_at is not None else sku_width or 0
        self.fields = [name for name in ROW_FIELDS if name in layout.fields]
        self.slots = [name for name in IMAGE_FIELDS if name in layout.fields]
        self._image_indexes = [layout.fields[name] for name in self.slots]
        self._sku_column = shortened(layout.name_of("sku"))  # as in `error_column`
        self._retried = retried
        self._exact_checks = self._checks_of(BY_FIELD | {"sku": EXACT_SKU})
        self._checks = self._exact_checks if workbook else self._checks_of(BY_FIELD)
        self._values_of = itemgetter(*(check.cell_index for check in self._checks))
        self._limits = [check.limit for check in self._checks]

    def _checks_of(self, columns: Mapping[str, Column]) -> list[CellCheck]:
        pairs = ((self._layout.fields[name], columns[name]) for name in self.fields)
        return [CellCheck(index, column.limit, column.required, column) for index, column in pairs]

    def check(self, records: Records, *, first_row: int) -> tuple[list[ValidRow], list[RefusedRow]]:
        """Return the valid rows and the refused ones, numbered from `first_row`."""
        valid: list[ValidRow] = []
        refused: list[RefusedRow] = []
        number = first_row
        if self._layout.handle is None:  # rows are independent of each other
            while (plain := records.take_plain_lines(PLAIN_BATCH_SIZE)) is not None and plain.rows:
                number = self._check_plain(plain, number, valid, refused)
        for row in self._check_by_row(records, number):
            if isinstance(row, ValidRow):
                valid.append(row)
            else:
                refused.append(row)
        return valid, refused

    def _check_plain(
        self, plain: PlainLines, number: int, valid: list[ValidRow], refused: list[RefusedRow]
    ) -> int:
        """Sort plain lines into valid and refused rows; return the number of the next row."""
        starts = self._layout.header_starts
        for line, cells in enumerate(plain.rows, plain.line):
            if cells and cells[0] in starts and self._layout.is_header(cells):
                continue
            row = self._check_quickly(line, number, cells)
            if row is not None:
                valid.append(row)
            elif is_blank(cells):
                continue
            elif isinstance(cleaned := self._clean(Record(line, 0, cells), number), ValidRow):
                valid.append(cleaned)
            else:
                refused.append(cleaned)
            number += 1
        return number

    def _check_by_row(
        self, records: Iterable[Record], first_row: int
    ) -> Iterator[ValidRow | RefusedRow]:
        rows = without_headers(records, self._layout)
        products = rows if self._layout.handle is None else variants(rows, self._layout)
        for number, record in enumerate(products, first_row):
            line, _, cells, error = record
            row = self._check_quickly(line, number, cells) if error is None else None
            yield row or self._clean(record, number)

    def _check_quickly(self, line: int, number: int, cells: list[str]) -> ValidRow | None:
        """Return the row if it clearly needs no cleaning, as is true of most rows; else None."""
        if len(cells) != self._width or self._layout.errors_at is not None:
            return None
        values = [*map(str.strip, self._values_of(cells))]
        sku = values[0]  # every table has SKU and name, and they come first
        text = "".join(values)
        if (
            not (values[1] and is_plain_sku(sku))
            or len(sku) < self._sku_digits  # it may be a number that lost its leading zeros
            or ERROR_PREFIX in text
            or TEXT_FORMULA in text
            or not text.isprintable()
            or any(map(gt, map(len, values), self._limits))
        ):
            return None
        images = self._images_of(cells) if self.slots else ()
        return _new_valid_row((line, number, values, cells, images, False))

    def _images_of(self, cells: list[str]) -> tuple[str, ...]:
        return tuple([cells[index] for index in self._image_indexes])

    def _clean(self, record: Record, number: int) -> ValidRow | RefusedRow:
        line, _, cells, error = record
        if error is not None:
            return RefusedRow(line, number, cells, [error])
        previous = PreviousErrors()
        if self._layout.errors_at is not None:
            cells, previous = self._layout.split(cells)
            cells = [unquote_formula(cell) for cell in cells]
        if len(cells) != self._width or previous.code in SHAPE_CODES:
            error = cell_count_error(cells, self._width, previous.code)
            if error is not None:
                return RefusedRow(line, number, cells, [error])
            cells = cells[: self._width]
        values, errors = self._clean_cells(cells, previous)
        if errors:
            return RefusedRow(line, number, cells, errors)
        reports_damage = previous.reports(EXCEL_DAMAGE, self._sku_column)
        return ValidRow(line, number, values, cells, self._images_of(cells), reports_damage)

    def _clean_cells(
        self, cells: list[str], previous: PreviousErrors
    ) -> tuple[list[str], list[RowError]]:
        """Return the values of a row's cells and the errors in them."""
        values: list[str] = []
        errors: list[RowError] = []
        for index, limit, required, column in self._checks_for(previous):
            text = cells[index].strip()
            # `clean` would not change most cells, even in a refused row: call it for the others.
            if required or len(text) > limit or not text.isprintable() or text[:1] in _PREFIXES:
                value = cells[index]
                try:
                    text = column.clean(text)
                    if column.field == "sku":
                        # Its normal form stays the same if a spreadsheet saves the error file.
                        value = text
                        self._require_leading_zeros(text)
                except CellError as error:
                    name = self._layout.columns[index].name
                    errors.append(
                        RowError(code=error.code, message=error.message, column=name, value=value)
                    )
            values.append(text)
        return values, errors

    def _checks_for(self, previous: PreviousErrors) -> list[CellCheck]:
        is_exact = self._retried and not previous.reports(EXCEL_DAMAGE, self._sku_column)
        return self._exact_checks if is_exact else self._checks

    def _require_leading_zeros(self, sku: str) -> None:
        if len(sku) < self._sku_digits and sku.isdigit():
            raise CellError(EXCEL_DAMAGE, lost_zeros_message(sku, self._sku_digits))
