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


class PhotoBatchNotFoundError(NotFoundError):
    """Raised when a photo batch does not exist for the caller."""

    message: ClassVar[str] = "Photo batch not found"


class PhotoNotFoundError(NotFoundError):
    """Raised when a batch has no photo with an id."""

    message: ClassVar[str] = "Photo not found"


class NoPhotosError(InvalidError):
    """Raised when a path is neither a folder nor a ZIP."""

    message: ClassVar[str] = "This is neither a folder nor a ZIP. Name one of them."


class UnreadableEntryError(InvalidError):
    """Raised when a photo cannot be unpacked from its ZIP."""

    message: ClassVar[str] = (
        "It is damaged, encrypted or compressed with an unknown method. Pack the photos into a"
        " new ZIP."
    )


class PhotoBatchEndedError(ConflictError):
    """Raised when a photo batch has ended and can no longer be changed."""

    message: ClassVar[str] = "The photo batch has ended. Retry it, or start another one."


class NoFailedPhotosError(ConflictError):
    """Raised when no photo of a batch can be retried."""

    message: ClassVar[str] = "No photo of this batch has failed."


class PhotoAttachedError(ConflictError):
    """Raised when the product of a photo can no longer be changed: it is attached."""

    message: ClassVar[str] = "This photo is already attached. Change the product instead."


class TooManyPhotosError(InvalidError):
    """Raised when a batch would have too many photos."""

    code: ClassVar[str] = "too_many"
    message: ClassVar[str] = "A photo batch has at most 5,000 photos. Start another batch."


class RepeatedPathError(InvalidError):
    """Raised when two photos of a batch have one path."""

    code: ClassVar[str] = "duplicate"
    message: ClassVar[str] = (
        "Another photo of this batch has this path. Put the folder in front of equal names."
    )


class FileNameTooLongError(InvalidError):
    """Raised when a file name is longer than file systems allow."""

    code: ClassVar[str] = "string_too_long"
    message: ClassVar[str] = "A file name has at most 255 characters."


class FileNameNotUnicodeError(InvalidError):
    """Raised when the name of a file on disk is not UTF-8."""

    code: ClassVar[str] = "file_name"
    message: ClassVar[str] = "The file name is not valid UTF-8. Rename the file."


class EmptyFileNameError(InvalidError):
    """Raised when a path ends with a slash, or its last part is blank or only dots."""

    code: ClassVar[str] = "file_name"
    message: ClassVar[str] = "The path has no file name. Send the path of a file, not of a folder."


class ProductOfOtherOwnerError(InvalidError):
    """Raised when no product of the batch's owner has an id."""

    code: ClassVar[str] = "not_found"
    message: ClassVar[str] = "No product of the owner of this batch has this id."


class NoPhotoOfBatchError(InvalidError):
    """Raised when an id in a list names no photo of the batch."""

    code: ClassVar[str] = "not_found"
    message: ClassVar[str] = "This batch has no photo with this id."


class SlotWithoutProductError(InvalidError):
    """Raised when a slot is chosen for a photo without product."""

    message: ClassVar[str] = "This photo has no product. Send product_id too."


class TemplateWithoutSkuError(InvalidError):
    """Raised when a naming template that is to be read has no wildcard for the SKU."""

    code: ClassVar[str] = "template_invalid"
    message: ClassVar[str] = (
        "The template has no {product_sku}, so it finds no product. Add this wildcard."
    )


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
