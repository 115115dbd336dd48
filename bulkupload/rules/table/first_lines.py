"""The lines of the first rows of repeated SKUs."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from bulkupload.rules.rows.columns import normalized_sku
from bulkupload.rules.rows.formulas import restore
from bulkupload.rules.table.csv_records import PLAIN_LINES, Records
from bulkupload.rules.table.header import Layout

MAX_LINES: Final = 50_000  # first lines that are held: a table may repeat every SKU


def find_first_lines(records: Records, skus: Iterable[str], layout: Layout) -> dict[str, int]:
    """Return the line of the first row of each of these SKUs, of at most MAX_LINES SKUs.

    Reads the whole table.
    """
    wanted = set(islice(skus, MAX_LINES))
    lines: dict[str, int] = {}
    while (plain := records.plain(PLAIN_LINES)) is None or plain.rows:
        if plain is None:
            some = list(islice(records, PLAIN_LINES))
            if not some:
                break
            rows = [(row.line, row.cells) for row in some if row.error is None]
        else:
            rows = list(enumerate(plain.rows, plain.line))
        for (line, cells), sku in zip(rows, skus_of([c for _, c in rows], layout), strict=True):
            if sku in wanted and not layout.is_header(cells):
                lines.setdefault(sku, line)
    return lines


def skus_of(rows: Sequence[list[str]], layout: Layout) -> list[str]:
    """Return the SKU of each row, empty where there is none."""
    at = layout.place_of("sku")
    skus = [cells[at] if len(cells) > at else "" for cells in rows]
    if layout.errors_at is not None:
        skus = [restore(sku) for sku in skus]
    return [*map(normalized_sku, skus)]
