"""Numeric SKUs whose leading zeros Excel dropped, as the owner's products and jobs show."""

from collections.abc import Iterable

from bulkupload.models import BulkUploadJob, BulkUploadRowError
from bulkupload.rules.rows.checked_rows import RefusedRow, ValidRow
from bulkupload.rules.rows.excel_damage import EXCEL_DAMAGE, lost_zeros, lost_zeros_of
from bulkupload.rules.rows.row_shape_errors import RowError
from catalog.models import Product

MAX_NUMBER_DIGITS = 14  # digits of a GTIN-14; longer numbers are not zero-padded


def refuse_lost_zeros(
    job: BulkUploadJob, rows: list[ValidRow]
) -> tuple[list[ValidRow], list[RefusedRow]]:
    """Return the rows without those whose SKU lost its leading zeros, and these as refused."""
    messages = _find_by_products(job, rows) | _find_uncorrected(job, rows)
    if not messages:
        return rows, []
    valid = [row for row in rows if row.row not in messages]
    refused = [_refuse(job, row, messages[row.row]) for row in rows if row.row in messages]
    return valid, refused


def _find_by_products(job: BulkUploadJob, rows: list[ValidRow]) -> dict[int, str]:
    """Return what is wrong with rows whose number only lacks the zeros of a product's SKU."""
    padded = find_padded(job, [row.values[0] for row in rows])
    if not padded:
        return {}
    return {row.row: lost_zeros_of(padded[sku]) for row in rows if (sku := row.values[0]) in padded}


def find_padded(job: BulkUploadJob, skus: Iterable[str]) -> dict[str, str]:
    """Return the product's SKU of each number that only lacks its leading zeros.

    Only products older than the job count, so that the result does not depend on the order of
    chunks.
    """
    numbers = {sku for sku in skus if sku.isdigit() and sku[0] != "0"}
    padded = {
        sku.zfill(width): sku
        for sku in numbers
        for width in range(len(sku) + 1, MAX_NUMBER_DIGITS + 1)
    }
    if not padded:
        return {}
    own = Product.objects.in_scope(job.scope).filter(created_at__lt=job.started_at)
    if not own.filter(sku__gte="0", sku__lt="1").exists():  # as with nearly every owner
        return {}
    candidates = list(padded.keys() | numbers)
    existing = set(own.filter(sku__among=candidates).values_list("sku", flat=True))
    return {padded[sku]: sku for sku in existing if sku in padded and padded[sku] not in existing}


def _find_uncorrected(job: BulkUploadJob, rows: list[ValidRow]) -> dict[int, str]:
    """Return what is wrong with rows of a returned error file whose SKU was not corrected.

    The error columns do not say how many digits it should have. The job that refused the same SKU
    does: it has saved the width of the SKUs in its table.
    """
    reported = [row for row in rows if row.reports_damage and row.values[0].isdigit()]
    if not reported:
        return {}
    jobs = BulkUploadJob.objects.in_scope(job.scope).filter(sku_width__isnull=False)
    errors = BulkUploadRowError.objects.filter(
        code=EXCEL_DAMAGE, value__among={row.values[0] for row in reported}, job__in=jobs
    )
    pairs = errors.order_by("job__sku_width").values_list("value", "job__sku_width")
    widths = {sku: width or 0 for sku, width in pairs}  # the largest of each SKU
    return {
        row.row: lost_zeros(sku, width)
        for row in reported
        if (width := widths.get(sku := row.values[0], 0)) > len(sku)
    }


def _refuse(job: BulkUploadJob, row: ValidRow, message: str) -> RefusedRow:
    name = job.layout.name_of("sku")
    error = RowError(code=EXCEL_DAMAGE, message=message, column=name, value=row.values[0])
    return RefusedRow(row.line, row.row, row.cells, [error])
