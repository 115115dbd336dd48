"""Errors of bulk uploads."""

from collections.abc import Sequence
from typing import Any, ClassVar

from bulkupload.codes import JobFailureCode
from sartiq.core.errors import ConflictError, InvalidError, NotFoundError, RequestTooLargeError


class NotATableError(InvalidError):
    """Raised when the bytes of an upload are not a table, whatever its file name."""

    code: ClassVar[str] = "not_a_table"
    message: ClassVar[str] = "The file is not a table. Send CSV, TSV or XLSX."


class EmptyFileError(InvalidError):
    """Raised when a file is empty."""

    code: ClassVar[str] = "file_empty"
    message: ClassVar[str] = "The file is empty."


class TableTooLargeError(RequestTooLargeError):
    """Raised when a file is larger than one bulk upload may be."""

    message: ClassVar[str] = "The file is larger than 512 MiB. Split it."


class NotAFormError(InvalidError):
    """Raised when a body is not a form with a table."""

    message: ClassVar[str] = "The body cannot be read as multipart/form-data."


class IncompleteBodyError(InvalidError):
    """Raised when a body ends before its declared length: some data is missing."""

    message: ClassVar[str] = "The body ends before its Content-Length. Send it again."


class SeveralTablesError(InvalidError):
    """Raised when a form has more than one table."""

    code: ClassVar[str] = "too_many"
    message: ClassVar[str] = "Send one file. Start a bulk upload for each table."


class JobNotFoundError(NotFoundError):
    """Raised when a job does not exist for the caller."""

    message: ClassVar[str] = "Bulk upload not found"


class JobFinishedError(ConflictError):
    """Raised when a job to cancel has already ended."""

    message: ClassVar[str] = "The bulk upload has already ended."


class NothingToRetryError(ConflictError):
    """Raised when a job has nothing to retry, or has not ended yet."""

    message: ClassVar[str] = "This bulk upload has nothing to retry now."


class BadMappingError(Exception):
    """Raised when a mapping of columns to fields is invalid."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class JobFailureError(Exception):
    """Raised when the file as a whole cannot be imported: the job fails with this message.

    `columns` are those of a refused header, in the form that a job stores.
    """

    def __init__(self, code: JobFailureCode, message: str, *, line: int | None = None) -> None:
        super().__init__(message)
        self.columns: Sequence[dict[str, Any]] = ()
        self.code = code
        self.message = message
        self.line = line
