"""What a bulk upload refuses, by meaning."""

from collections.abc import Sequence
from typing import Any, ClassVar

from bulkupload.codes import JobFailureCode
from sartiq.core.errors import ConflictError, InvalidError, NotFoundError, RequestTooLargeError


class NotATableError(InvalidError):
    """Raised when the bytes of an upload are no table, whatever the file is called."""

    code: ClassVar[str] = "not_a_table"
    message: ClassVar[str] = "The file is no table: send CSV, TSV or XLSX."


class EmptyFileError(InvalidError):
    """Raised when an upload holds no bytes."""

    code: ClassVar[str] = "file_empty"
    message: ClassVar[str] = "The file is empty."


class TableTooLargeError(RequestTooLargeError):
    """Raised when a file is larger than one bulk upload may be."""

    message: ClassVar[str] = "The file is larger than 512 MiB; split it."


class NotAFormError(InvalidError):
    """Raised when a body is no form that has a table in it."""

    message: ClassVar[str] = "The body cannot be read as multipart/form-data."


class CutOffError(InvalidError):
    """Raised when a body ends before its declared length: what is missing nobody knows."""

    message: ClassVar[str] = "The body ends before its Content-Length; send it again."


class SeveralTablesError(InvalidError):
    """Raised when a form holds more than one table: all but one would be lost without a word."""

    code: ClassVar[str] = "too_many"
    message: ClassVar[str] = "Send one file; each table is a bulk upload of its own."


class JobNotFoundError(NotFoundError):
    """Raised when a job does not exist for the caller."""

    message: ClassVar[str] = "Bulk upload not found"


class JobFinishedError(ConflictError):
    """Raised when a job that has ended is to be cancelled."""

    message: ClassVar[str] = "The bulk upload has already ended."


class NothingToRetryError(ConflictError):
    """Raised when a job has nothing that could be tried again."""

    message: ClassVar[str] = "Nothing of this bulk upload can be tried again now."


class BadMappingError(Exception):
    """Raised when a mapping of columns to fields is none: the edges say where it came from."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class FileFaultError(Exception):
    """Raised when the file as a whole cannot be read: the job fails with this one sentence.

    `columns` are those of a header that was read and refused, as a job keeps them.
    """

    def __init__(self, code: JobFailureCode, message: str, *, line: int | None = None) -> None:
        super().__init__(message)
        self.columns: Sequence[dict[str, Any]] = ()
        self.code = code
        self.message = message
        self.line = line
