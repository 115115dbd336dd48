"""The failure codes of exports and of their files.

`docs/errors.md` lists them for API clients; a test compares both.
"""

from typing import Final, Literal, get_args

RunFailureCode = Literal[
    "nothing_exported", "archive_too_large", "attempts_exhausted", "store_unavailable"
]
FileFailureCode = Literal[
    "resource_deleted",
    "resource_failed",
    "resource_pending",
    "source_changed",
    "conversion_failed",
    "image_unreadable",
    "image_too_large",
    "image_too_large_for_format",
    "attempts_exhausted",
    "store_unavailable",
]
RUN_FAILURE_CODES: Final = tuple(sorted(get_args(RunFailureCode)))
FILE_FAILURE_CODES: Final = tuple(sorted(get_args(FileFailureCode)))
