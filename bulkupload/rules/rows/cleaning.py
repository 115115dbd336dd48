"""Checking whole rows: their shape, then cell by cell, every fault at once."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import gt, itemgetter
from typing import NamedTuple

from bulkupload.rules.limits import MAX_GROUP_BYTES, MAX_GROUP_ROWS, MAX_SHOWN_LENGTH
from bulkupload.rules.rows import image_cells as images
from bulkupload.rules.rows.columns import (
    BY_FIELD,
    IMAGE_FIELDS,
    INHERITED,
    ROW_FIELDS,
    TEXT_FORMULA,
    TEXT_SKU,
    CellError,
    Column,
    digits_told,
    is_plain_sku,
    is_told_cut,
    lost_zeros,
    refused,
)
from bulkupload.rules.rows.formulas import restore
from bulkupload.rules.rows.row_shape_errors import SHAPE_CODES, STILL_BROKEN, Fault, storable
from bulkupload.rules.table.csv_records import PLAIN_LINES, Plain, Record, Records, is_blank
from bulkupload.rules.table.header import Layout, Returned


class GoodRow(NamedTuple):
    """A row that can be imported: one text for each field the table brings.

    `images` are the cells of its image columns, unread: nothing in them sinks the row.
    """

    line: int
    row: int
    values: list[str]
    cells: list[str]
    images: tuple[str, ...] = ()


_MARKS = ("#", "=")  # how errors of a spreadsheet and texts written as formulas begin

# A named tuple's own constructor is a function of Python's and takes three times as long.
_GOOD = partial(tuple.__new__, GoodRow)


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is refused, with everything wrong about it."""

    line: int
    row: int
    cells: list[str]
    faults: list[Fault]


class Cleaner:
    """Checks the rows of one table; `sku_width` is the digits all its numeric SKUs have.

    In a `workbook` a long number is a text: what Excel takes for a number is written otherwise.
    So it is in an error file that is `retried`, which no spreadsheet has seen since, unless its row
    says that the SKU was cut.
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
        # Of a table that came back only some rows are here; each says itself what was missing.
        self._sku_digits = 0 if layout.errors_at is not None else sku_width or 0
        self.fields = [name for name in ROW_FIELDS if name in layout.fields]
        self.slots = [name for name in IMAGE_FIELDS if name in layout.fields]
        self._image_places = [layout.fields[name] for name in self.slots]
        self._retried = retried
        self._exact = self._planned(BY_FIELD | {"sku": TEXT_SKU})
        self._plan = self._exact if workbook else self._planned(BY_FIELD)
        self._values_of = itemgetter(*(place for place, *_ in self._plan))
        self._limits = [limit for _, limit, *_ in self._plan]

    def _planned(self, columns: Mapping[str, Column]) -> list[tuple[int, int, bool, Column]]:
        each = ((self._layout.fields[name], columns[name]) for name in self.fields)
        return [(at, column.limit, column.required, column) for at, column in each]

    def judge(self, records: Records, *, first_row: int) -> tuple[list[GoodRow], list[BadRow]]:
        """Return the good rows and the refused ones, numbered from `first_row`."""
        good: list[GoodRow] = []
        bad: list[BadRow] = []
        number = first_row
        if self._layout.handle is None:  # no row needs to know of another
            while (plain := records.plain(PLAIN_LINES)) is not None and plain.rows:
                number = self._judge_plain(plain, number, good, bad)
        for row in self._one_by_one(records, number):
            if isinstance(row, GoodRow):
                good.append(row)
            else:
                bad.append(row)
        return good, bad

    def _judge_plain(
        self, plain: Plain, number: int, good: list[GoodRow], bad: list[BadRow]
    ) -> int:
        """Sort plain rows; return the number of the next one."""
        starts = self._layout.header_starts
        for line, cells in enumerate(plain.rows, plain.line):
            if cells and cells[0] in starts and self._layout.is_header(cells):
                continue
            row = self._pass(line, number, cells)
            if row is not None:
                good.append(row)
            elif is_blank(cells):
                continue
            elif isinstance(cleaned := self._clean(Record(line, 0, cells), number), GoodRow):
                good.append(cleaned)
            else:
                bad.append(cleaned)
            number += 1
        return number

    def _one_by_one(self, records: Iterable[Record], first_row: int) -> Iterator[GoodRow | BadRow]:
        rows = without_headers(records, self._layout)
        counted = self._variants(rows) if self._layout.handle is not None else rows
        for number, record in enumerate(counted, first_row):
            line, _, cells, fault = record
            passed = self._pass(line, number, cells) if fault is None else None
            yield passed or self._clean(record, number)

    def _pass(self, line: int, number: int, cells: list[str]) -> GoodRow | None:
        """Return a row in which one look finds nothing to clean; nearly every row is one."""
        if len(cells) != self._width or self._layout.errors_at is not None:
            return None
        values = [*map(str.strip, self._values_of(cells))]
        sku = values[0]  # every table brings it and the name, and they come first
        whole = "".join(values)
        if (
            not (values[1] and is_plain_sku(sku))
            or len(sku) < self._sku_digits  # perhaps a number that lost its zeros
            or "#" in whole
            or TEXT_FORMULA in whole
            or not whole.isprintable()
            or any(map(gt, map(len, values), self._limits))
        ):
            return None
        images = self._images_of(cells) if self.slots else ()
        return _GOOD((line, number, values, cells, images))

    def _images_of(self, cells: list[str]) -> tuple[str, ...]:
        return tuple([cells[at] for at in self._image_places])

    def _clean(self, record: Record, number: int) -> GoodRow | BadRow:
        line, _, cells, fault = record
        if fault is not None:
            return BadRow(line, number, cells, [fault])
        returned = Returned()
        if self._layout.errors_at is not None:
            cells, returned = self._layout.split(cells)
            cells = [restore(cell) for cell in cells]
        code = returned.code
        if len(cells) != self._width or code in SHAPE_CODES:
            fault = self._misshapen(cells, code)
            if fault is not None:
                return BadRow(line, number, cells, [fault])
            cells = cells[: self._width]
        values: list[str] = []
        faults: list[Fault] = []
        trusted = self._retried and not is_told_cut(returned.message)
        for at, limit, required, column in self._exact if trusted else self._plan:
            text = cells[at].strip()
            # A call only where it can find something: most cells even of a faulty row are plain.
            if required or len(text) > limit or not text.isprintable() or text[:1] in _MARKS:
                try:
                    text = column.clean(text)
                    if column.field == "sku":
                        self._require_zeros(text, returned)
                except CellError as error:
                    faults.append(refused(self._layout.columns[at].name, cells[at], error))
            values.append(text)
        if faults:
            return BadRow(line, number, cells, faults)
        return GoodRow(line, number, values, cells, self._images_of(cells))

    def _misshapen(self, cells: list[str], code: str) -> Fault | None:
        """Return what is wrong with the number of cells; empty ones too many are no fault."""
        shape = SHAPE_CODES.get(code)
        if shape:
            return Fault(code=shape, message=STILL_BROKEN)
        if len(cells) < self._width:
            message = (
                f"The row ends after {len(cells)} of {self._width} cells. Fill the missing cells, "
                "and if its error_code came back with it, clear that."
            )
            return Fault(code="too_few_cells", message=message)
        extra = [cell for cell in cells[self._width :] if cell.strip()]
        if not extra:
            return None
        message = (
            f"The row has {len(cells)} cells, the header {self._width}. "
            "Put cells that hold the delimiter into quotes."
        )
        return Fault(code="too_many_cells", message=message, value=extra[0])

    def _require_zeros(self, sku: str, returned: Returned) -> None:
        digits = self._sku_digits or digits_told(*returned)
        if len(sku) < digits and sku.isdigit():
            raise lost_zeros(sku, digits)

    def _variants(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield the rows of a Shopify export that count, with what they inherit."""
        for group in by_handle(records, self._layout):
            rows = counted_of(group, self._layout)
            whole = [each for each in rows if is_whole(each, self._layout)]
            first = next((each.cells for each in group if is_whole(each, self._layout)), [])
            if "images" in self._layout.fields:
                images.share(group, rows, self._layout)
            for record in whole:
                self._inherit(record.cells, first)
            yield from rows

    def _inherit(self, cells: list[str], first: list[str]) -> None:
        for name in INHERITED:
            if name in self._layout.fields:
                at = self._layout.place_of(name)
                if not cells[at].strip():
                    cells[at] = first[at]


def without_headers(
    records: Iterable[Record], layout: Layout, lines: list[int] | None = None
) -> Iterator[Record]:
    """Yield the rows that do not repeat the header, as joined files do; note the lines of those."""
    for record in records:
        if record.fault is not None or not layout.is_header(record.cells):
            yield record
        elif lines is not None:
            lines.append(record.line)


def by_handle(records: Iterable[Record], layout: Layout) -> Iterator[list[Record]]:
    """Yield the rows of each handle together; a broken row goes with the handle before it.

    A row whose handle is empty is alone: it belongs to no other.
    """
    at = layout.handle_place
    current: object = None

    def handle_of(record: Record) -> object:
        nonlocal current
        if record.fault is None and len(record.cells) > at:
            current = record.cells[at].strip() or object()
        return current

    for _, group in groupby(records, key=handle_of):
        rows: list[Record] = []
        for record in group:
            rows.append(record)
            if is_too_long(rows):
                break
        yield rows


def is_too_long(group: list[Record]) -> bool:
    """Whether the rows of one handle are more than can be held together."""
    return len(group) > MAX_GROUP_ROWS or group[-1].start - group[0].start > MAX_GROUP_BYTES


def counted_of(group: list[Record], layout: Layout) -> list[Record]:
    """Return the rows of a handle that count: those with an SKU, else the first, to be refused.

    The others only bring pictures, which all rows of the handle share. A row whose cells cannot be
    told apart counts, since nobody knows what it brings, and so does one that came back refused.
    """
    at = layout.place_of("sku")
    whole = [record for record in group if is_whole(record, layout)]
    with_sku = [record for record in whole if record.cells[at].strip()]
    counts = {id(record) for record in with_sku or whole[:1]}
    return [
        record
        for record in group
        if id(record) in counts
        or not is_whole(record, layout)
        or layout.split(record.cells)[1].code
    ]


def is_whole(record: Record, layout: Layout) -> bool:
    """Whether the cells of a row can be told apart and each column has one."""
    return record.fault is None and layout.is_whole(record.cells)


def shown(text: str) -> str:
    """Return a refused value as it can be stored and shown."""
    return storable(text[:MAX_SHOWN_LENGTH])


def stored_cells(cells: list[str]) -> str:
    """Return a refused row as it is kept until it is sent back."""
    return json.dumps(cells)
