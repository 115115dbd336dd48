"""Detecting SKUs whose leading zeros Excel dropped, by the owner's products and earlier jobs."""

from collections.abc import Iterable

from bulkupload.models import BulkUploadJob, BulkUploadRowError
from bulkupload.rules.rows.checked_rows import RefusedRow, ValidRow
from bulkupload.rules.rows.excel_damage import (
    EXCEL_DAMAGE,
    lost_zeros_message,
    matching_product_message,
)
from bulkupload.rules.rows.row_shape_errors import RowError
from catalog.models import Product

MAX_NUMBER_DIGITS = 14  # of a GTIN-14, the longest article number that is padded with zeros


def refuse_lost_zeros(
    job: BulkUploadJob, rows: list[ValidRow]
) -> tuple[list[ValidRow], list[RefusedRow]]:
    """Return the rows whose SKU kept its leading zeros, and the others as refused."""
    messages = _lost_by_products(job, rows) | _lost_by_previous_errors(job, rows)
    if not messages:
        return rows, []
    valid = [row for row in rows if row.row not in messages]
    refused = [_refuse(job, row, messages[row.row]) for row in rows if row.row in messages]
    return valid, refused


def _lost_by_products(job: BulkUploadJob, rows: list[ValidRow]) -> dict[int, str]:
    """Return a message for each row whose SKU only lacks the leading zeros of a product's SKU."""
    padded = _padded_skus(job, [row.sku for row in rows])
    if not padded:
        return {}
    return {row.row: matching_product_message(padded[row.sku]) for row in rows if row.sku in padded}


def _padded_skus(job: BulkUploadJob, skus: Iterable[str]) -> dict[str, str]:
    """Map each number that only lacks the leading zeros of a product's SKU to that SKU.

    Ignores products created since the job started, so that the order of chunks does not matter.
    """
    numbers = {sku for sku in skus if sku.isdigit() and sku[0] != "0"}
    number_of_padded = {
        number.zfill(width): number
        for number in numbers
        for width in range(len(number) + 1, MAX_NUMBER_DIGITS + 1)
    }
    if not number_of_padded:
        return {}
    products = Product.objects.in_scope(job.scope).filter(created_at__lt=job.started_at)
    if not products.filter(sku__gte="0", sku__lt="1").exists():
        return {}  # nearly no owner has SKUs with leading zeros
    candidates = list(number_of_padded.keys() | numbers)
    existing = set(products.filter(sku__among=candidates).values_list("sku", flat=True))
    return {
        number: sku
        for sku in existing
        if (number := number_of_padded.get(sku)) is not None and number not in existing
    }


def _lost_by_previous_errors(job: BulkUploadJob, rows: list[ValidRow]) -> dict[int, str]:
    """Return a message for each row of an uploaded error file whose SKU was not corrected.

    The error columns do not say how many digits the SKU should have, but the job that refused the
    SKU has saved the width of the SKUs in its table.
    """
    suspects = [row for row in rows if row.reports_damage and row.sku.isdigit()]
    if not suspects:
        return {}
    jobs = BulkUploadJob.objects.in_scope(job.scope).filter(sku_width__isnull=False)
    errors = BulkUploadRowError.objects.filter(
        code=EXCEL_DAMAGE, value__among={row.sku for row in suspects}, job__in=jobs
    )
    pairs = errors.order_by("job__sku_width").values_list("value", "job__sku_width")
    widths = {sku: width or 0 for sku, width in pairs}  # the largest of each SKU
    return {
        row.row: lost_zeros_message(row.sku, width)
        for row in suspects
        if (width := widths.get(row.sku, 0)) > len(row.sku)
    }


def _refuse(job: BulkUploadJob, row: ValidRow, message: str) -> RefusedRow:
    name = job.layout.name_of("sku")
    error = RowError(code=EXCEL_DAMAGE, message=message, column=name, value=row.sku)
    return RefusedRow(row.line, row.row, row.cells, [error])
