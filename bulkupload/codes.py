"""The codes of failed jobs, and of errors and warnings about rows.

`docs/design/bulk-upload.md` lists them for API clients; a test compares both.
"""

from typing import Final, Literal, get_args

from media.rules import failures

RowShapeCode = Literal[
    "quote_not_closed", "quote_misplaced", "cell_too_long", "row_too_long", "too_few_cells"
]
CellCode = Literal["missing", "string_too_long", "string_characters", "encoding", "excel_damage"]
RowCode = RowShapeCode | CellCode | Literal["too_many_cells"]
TableWarningCode = Literal[
    "hidden_rows",
    "cells_outside_table",
    "encoding_guessed",
    "repeated_header",
    "other_sheets",
]
RepeatedSkuCode = Literal["repeated_sku"]
# An image can also have the codes of media, `media.rules.failures`.
ImageCode = Literal[
    "image_url_not_allowed",
    "image_not_found",
    "image_unreachable",
    "too_many_images",
    "request_too_large",
]
JobFailureCode = Literal[
    "no_header",
    "missing_column",
    "duplicate_column",
    "mapping_column",
    "too_many_columns",
    "too_many_rows",
    "handle_too_long",
    "unreadable",
    "workbook_too_large",
    "source_missing",
    "source_changed",
    "store_unavailable",
    "disk_unavailable",
    "attempts_exhausted",
]
CancelCode = Literal["", "owner_gone"]  # empty: a user cancelled the job

ROW_ERROR_CODES: Final = tuple(
    sorted(
        {
            *get_args(RowShapeCode),
            *get_args(CellCode),
            "too_many_cells",
            *get_args(TableWarningCode),
            *get_args(RepeatedSkuCode),
            *get_args(ImageCode),
            *failures.CODES,
        }
    )
)
FAILURE_CODES: Final = tuple(sorted({*get_args(JobFailureCode), *get_args(CancelCode)} - {""}))
