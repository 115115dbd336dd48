"""The lines of the first rows of repeated SKUs."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from bulkupload.rules.rows.columns import normalized_sku
from bulkupload.rules.rows.formulas import unquote_formula
from bulkupload.rules.table.csv_records import PLAIN_BATCH_SIZE, Records
from bulkupload.rules.table.header import Layout

MAX_SKUS: Final = 50_000  # in memory at once: a table may repeat every SKU


def find_first_lines(records: Records, skus: Iterable[str], layout: Layout) -> dict[str, int]:
    """Read the whole table; return the first line of each SKU, for at most MAX_SKUS of them."""
    repeated = set(islice(skus, MAX_SKUS))
    lines: dict[str, int] = {}
    while (plain := records.take_plain_lines(PLAIN_BATCH_SIZE)) is None or plain.rows:
        if plain is None:
            batch = list(islice(records, PLAIN_BATCH_SIZE))
            if not batch:
                break
            rows = [(row.line, row.cells) for row in batch if row.error is None]
        else:
            rows = list(enumerate(plain.rows, plain.line))
        for (line, cells), sku in zip(
            rows, skus_of([cells for _, cells in rows], layout), strict=True
        ):
            if sku in repeated and not layout.is_header(cells):
                lines.setdefault(sku, line)
    return lines


def skus_of(rows: Sequence[list[str]], layout: Layout) -> list[str]:
    """Return the SKU of each row, empty where there is none."""
    at = layout.file_index_of("sku")
    skus = [cells[at] if len(cells) > at else "" for cells in rows]
    if layout.errors_at is not None:
        skus = [unquote_formula(sku) for sku in skus]
    return [*map(normalized_sku, skus)]
