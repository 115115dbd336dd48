"""The rows of one product in a Shopify export, which share a handle."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Final

from bulkupload.rules.limits import MAX_GROUP_BYTES, MAX_GROUP_ROWS
from bulkupload.rules.rows.columns import INHERITED_FIELDS
from bulkupload.rules.rows.formulas import quote_formula, unquote_formula
from bulkupload.rules.rows.image_cells import SEPARATOR, read_cell
from bulkupload.rules.table.csv_records import Record
from bulkupload.rules.table.header import Layout

MAX_GROUP_IMAGES: Final = 250  # of one handle; Shopify has the same limit
_MAX_POSITION_DIGITS: Final = 9
_NO_POSITION: Final = 10**_MAX_POSITION_DIGITS


def rows_by_handle(records: Iterable[Record], layout: Layout) -> Iterator[list[Record]]:
    """Yield the consecutive rows of each handle; a broken row counts as one of the handle before.

    A row with an empty handle is a group of its own.
    """
    at = layout.handle_file_index
    current: object = None

    def handle_of(record: Record) -> object:
        nonlocal current
        if record.error is None and len(record.cells) > at:
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
    """Whether the rows of one handle are too many or too long to be read together."""
    return len(group) > MAX_GROUP_ROWS or group[-1].start - group[0].start > MAX_GROUP_BYTES


def variants(records: Iterable[Record], layout: Layout) -> Iterator[Record]:
    """Yield the rows that are products, with the values they inherit within a handle."""
    for group in rows_by_handle(records, layout):
        rows = product_rows(group, layout)
        first = next((record.cells for record in group if is_whole(record, layout)), [])
        if "images" in layout.fields:
            _share_images(group, rows, layout)
        for record in rows:
            if is_whole(record, layout):
                _inherit(record.cells, first, layout)
        yield from rows


def product_rows(group: list[Record], layout: Layout) -> list[Record]:
    """Return the rows of a handle that are products: those with an SKU, else the first row.

    The other rows only have images, which all products of the handle share. Rows whose cells cannot
    be separated are products too, since their SKU is unknown, and so are rows with an error code.
    """
    at = layout.file_index_of("sku")
    whole = [record for record in group if is_whole(record, layout)]
    with_sku = [record for record in whole if record.cells[at].strip()]
    products = {id(record) for record in with_sku or whole[:1]}
    return [
        record
        for record in group
        if id(record) in products
        or not is_whole(record, layout)
        or layout.split(record.cells)[1].code
    ]


def is_whole(record: Record, layout: Layout) -> bool:
    """Whether the cells of a row can be separated and each column has one."""
    return record.error is None and layout.is_whole(record.cells)


def _inherit(cells: list[str], first: list[str], layout: Layout) -> None:
    for name in INHERITED_FIELDS:
        if name in layout.fields:
            at = layout.file_index_of(name)
            if not cells[at].strip():
                cells[at] = first[at]


def _share_images(group: list[Record], rows: list[Record], layout: Layout) -> None:
    """Give each product row all images of its handle.

    The cells are rewritten, so that a row in the error file has the images as well.
    """
    at = layout.file_index_of("images")
    has_error_columns = layout.errors_at is not None
    images: list[tuple[int, str]] = []
    for record in group:
        if is_whole(record, layout):
            cell = unquote_formula(record.cells[at]) if has_error_columns else record.cells[at]
            position = _position(record, layout)
            images.extend((position, url) for url in read_cell("images", cell))
    urls = dict.fromkeys(url for _, url in sorted(images, key=itemgetter(0)))
    shared = SEPARATOR.join(list(urls)[:MAX_GROUP_IMAGES])
    for record in rows:
        if is_whole(record, layout):
            record.cells[at] = quote_formula(shared) if has_error_columns else shared


def _position(record: Record, layout: Layout) -> int:
    """Return the position of a row's images within their handle, or the last if it has none."""
    at = layout.image_position_file_index
    text = record.cells[at].strip() if at is not None and len(record.cells) > at else ""
    is_number = text.isascii() and text.isdigit() and len(text) <= _MAX_POSITION_DIGITS
    return int(text) if is_number else _NO_POSITION
