"""Numeric SKUs that Excel took the leading zeros from, told by the owner's own products."""

from collections.abc import Iterable

from bulkupload.models import BulkUploadJob
from bulkupload.rules.rows.cleaning import BadRow, GoodRow
from bulkupload.rules.rows.columns import refused, zeros_of
from catalog.models import Product

MAX_NUMBER_DIGITS = 14  # digits of a GTIN-14; longer numbers are padded by nobody


def find_padded(job: BulkUploadJob, skus: Iterable[str]) -> dict[str, str]:
    """Return the product's SKU of each number that only lacks its leading zeros.

    Only products older than the job count, so that the answer depends on no order of chunks.
    """
    numbers = {sku for sku in skus if sku.isdigit() and sku[0] != "0"}
    padded = {
        sku.zfill(width): sku
        for sku in numbers
        for width in range(len(sku) + 1, MAX_NUMBER_DIGITS + 1)
    }
    if not padded:
        return {}
    mine = Product.objects.in_scope(job.scope).filter(created_at__lt=job.started_at)
    if not mine.filter(sku__gte="0", sku__lt="1").exists():  # as with nearly every owner
        return {}
    names = list(padded.keys() | numbers)
    found = set(mine.filter(sku__among=names).values_list("sku", flat=True))
    return {padded[sku]: sku for sku in found if sku in padded and padded[sku] not in found}


def refuse(row: GoodRow, column: str, known: dict[str, str]) -> BadRow:
    """Return the row as one that is refused."""
    sku = row.values[0]
    fault = refused(column, sku, zeros_of(known[sku]))
    return BadRow(row.line, row.row, row.cells, [fault])
