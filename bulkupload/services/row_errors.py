"""Saving the errors and warnings about rows, their images and the table as a whole."""

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

REPEATED_SKU_POSITION = 10_000  # after all other errors and warnings of the row
COLUMNS = (
    "job_id",
    "row",
    "position",
    "line",
    "column",
    "value",
    "code",
    "message",
    "cells",
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
    """Save warnings about the images of imported rows."""
    _copy(
        [
            *(job.pk, warning.row, warning.position, warning.line, shortened(warning.column)),
            *(shortened(warning.url), warning.code, shortened(warning.message), warning.cells),
            ErrorSeverity.WARNING.value,
        ]
        for warning in warnings
    )


def save_repeated_skus(job: BulkUploadJob, column: str, rows: Iterable[RepeatedRow]) -> None:
    """Save a warning for each row whose SKU an earlier row has too."""
    _copy(
        [
            *(job.pk, repeat.row.row, REPEATED_SKU_POSITION, repeat.row.line, shortened(column)),
            *(shortened(repeat.row.sku), REPEATED_SKU, repeat.message, ""),
            ErrorSeverity.WARNING.value,
        ]
        for repeat in rows
    )


def save_table_warnings(job: BulkUploadJob, warnings: Iterable[TableWarning]) -> None:
    """Save warnings about the table as a whole."""
    BulkUploadRowError.objects.bulk_create(
        BulkUploadRowError(
            job=job,
            row=TABLE_ROW,
            position=position,
            line=warning.line,
            severity=ErrorSeverity.WARNING,
            code=warning.code,
            message=storable(warning.message),
        )
        for position, warning in enumerate(warnings)
    )


def _copy(lines: Iterable[Sequence[Any]]) -> None:
    """Insert rows with COPY, as CSV, which is lossless.

    The csv module quotes a line break only if its `lineterminator` contains it, hence CRLF.
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
