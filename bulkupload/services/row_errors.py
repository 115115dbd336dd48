"""Saving what is wrong with rows, with their pictures and with the table as a whole."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

from bulkupload.models import TABLE_ROW, BulkUploadJob, BulkUploadRowError, ErrorSeverity
from bulkupload.rules.rows.checked_rows import RefusedRow, cells_as_json, shortened
from bulkupload.rules.rows.image_cells import ImageWarning
from bulkupload.rules.rows.repeated_skus import REPEATED_SKU, RepeatedRow
from bulkupload.rules.rows.row_shape_errors import storable
from bulkupload.rules.table.table_warnings import TableWarning

REPEATED_SKU_POSITION = 10_000  # after all other errors and warnings of a row
COLUMNS = (
    *("job_id", "row", "position", "line", "column", "value", "code", "message", "cells"),
    "severity",
)


def save_errors(job: BulkUploadJob, rows: Iterable[RefusedRow]) -> None:
    """Save all errors of refused rows."""
    _copy(
        [
            *(job.pk, row.row, position, row.line, shortened(error.column)),
            *(shortened(error.value), error.code, shortened(error.message)),
            *("" if position else cells_as_json(row.cells), ErrorSeverity.ERROR.value),
        ]
        for row in rows
        for position, error in enumerate(row.errors)
    )


def save_warnings(job: BulkUploadJob, warnings: Iterable[ImageWarning]) -> None:
    """Save what is wrong with the pictures of imported rows."""
    _copy(
        [
            *(job.pk, each.row, each.position, each.line, shortened(each.column)),
            *(shortened(each.url), each.code, shortened(each.message), each.cells),
            ErrorSeverity.WARNING.value,
        ]
        for each in warnings
    )


def save_repeated_skus(job: BulkUploadJob, column: str, rows: Iterable[RepeatedRow]) -> None:
    """Save a warning for each row whose SKU an earlier row has as well."""
    _copy(
        [
            *(job.pk, each.row.row, REPEATED_SKU_POSITION, each.row.line, shortened(column)),
            *(shortened(each.row.values[0]), REPEATED_SKU, each.message, ""),
            ErrorSeverity.WARNING.value,
        ]
        for each in rows
    )


def save_table_warnings(job: BulkUploadJob, warnings: Iterable[TableWarning]) -> None:
    """Save warnings about the table as a whole."""
    BulkUploadRowError.objects.bulk_create(
        BulkUploadRowError(
            job=job,
            row=TABLE_ROW,
            position=position,
            line=each.line,
            severity=ErrorSeverity.WARNING,
            code=each.code,
            message=storable(each.message),
        )
        for position, each in enumerate(warnings)
    )


def _copy(lines: Iterable[Sequence[Any]]) -> None:
    """Send the rows to PostgreSQL as CSV: the csv module and COPY agree on every character.

    The module quotes a line break only if its own line end contains it, hence CRLF.
    """
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(lines)
    if not text.tell():
        return
    columns = ", ".join(f'"{name}"' for name in COLUMNS)
    statement = (
        f"COPY bulkupload_bulkuploadrowerror ({columns}) "
        f"FROM STDIN (FORMAT csv, FORCE_NOT_NULL ({columns}))"
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(text.getvalue())
