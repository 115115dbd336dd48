"""The errors of media, by topic."""

from sartiq.core.errors import (
    ConflictError,
    InvalidError,
    NotFoundError,
    NotPermittedError,
    RequestTooLargeError,
    UnavailableError,
)

# --- Content of files (docs/design/content-checks.md) ------------------------------------


class ContentError(InvalidError):
    """Raised when the bytes of a file are rejected."""

    message = "The file could not be used. Upload it again."


class ContentTypeNotAllowedError(ContentError):
    """Raised when a declared content type is not one of the nine accepted."""

    code = "content_type_not_allowed"
    message = (
        "Files of this type are not accepted. Upload a JPEG, PNG, WebP, GIF, AVIF, PDF, MP4, MP3 or"
        " ZIP file."
    )


class ImageRequiredError(ContentError):
    """Raised when a folder for images is given another type of file."""

    code = "image_required"
    message = "This folder accepts images only. Upload a JPEG, PNG, WebP, GIF or AVIF file."


class ContentTypeMismatchError(ContentError):
    """Raised when the bytes are of another type than the declared one."""

    code = "content_type_mismatch"
    message = (
        "The file is not of the declared content type. Declare the type it has, or export it as a"
        " JPEG, and upload it again."
    )


class FileEmptyError(ContentError):
    """Raised when a file has no bytes."""

    code = "file_empty"
    message = "The file is empty. Check the original and upload it again."


class FileTooLargeError(ContentError):
    """Raised when a file exceeds the size limit."""

    code = "file_too_large"
    message = "The file is larger than 50 MiB. Make it smaller and upload it again."


class FileTruncatedError(ContentError):
    """Raised when a file ends before the end that its structure declares."""

    code = "file_truncated"
    message = (
        "Part of the file is missing: it was probably cut off while it was copied or saved. Copy or"
        " export it again and upload it."
    )


class FileCorruptError(ContentError):
    """Raised when the structure of a file violates its format."""

    code = "file_corrupt"
    message = "The file is damaged. Export it again from the original and upload it."


class ArchiveRejectedError(ContentError):
    """Raised when an archive lists entries that would be dangerous to unpack."""

    code = "archive_rejected"
    message = "The archive is unsafe to unpack. Pack your files into a new ZIP and upload it."


class ImageTooLargeError(ContentError):
    """Raised when an image has too many pixels, too long a side or too many frames."""

    code = "image_too_large"
    message = (
        "The image has too many pixels or frames, or too long a side. Make it smaller and upload it"
        " again."
    )


class TooManyScansError(ContentError):
    """Raised when a JPEG has more scans than can be decoded in time."""

    code = "image_too_many_scans"
    message = "The image has too many scans for its size. Save it again as an ordinary JPEG."


class ImageUndecodableError(ContentError):
    """Raised when a decoder rejects the pixels of an image."""

    code = "image_undecodable"
    message = (
        "The image is damaged and cannot be shown in full. Export it again from the original and"
        " upload it."
    )


class DecodeLimitError(ContentError):
    """Raised when decoding a file needs more time or memory than allowed."""

    code = "decode_limit"
    message = (
        "Opening the file takes more time or memory than allowed. Save it in a smaller size or as"
        " an ordinary JPEG and upload it again."
    )


# --- Object store (docs/design/storage.md) --------------------------------------------------


class StoreUnavailableError(UnavailableError):
    """Raised when the object store fails and a retry may succeed."""


class StoreRefusedError(StoreUnavailableError):
    """Raised when the store rejects a request as invalid: a wrong setting or a bug.

    Also a `StoreUnavailableError`: clients get a 503, and tasks retry until it is fixed.
    """

    is_refusal = True


class StoreCredentialsError(StoreRefusedError):
    """Raised when the store returns 401 or 403: wrong keys or missing permissions.

    This also happens briefly while keys are rotated, so tasks wait and are not given up.
    """


class StoreMisconfiguredError(StoreUnavailableError):
    """Raised when clients cannot use the store, or when private objects are public."""


class EnvironmentUnknownError(StoreUnavailableError):
    """Raised when the identity of this environment is unknown."""


class ForeignEnvironmentError(ConflictError):
    """Raised when a bucket does not belong to this database and process: nothing may be deleted."""

    message = "The bucket belongs to another environment."


class EmptyBucketError(ConflictError):
    """Raised when the bucket has no media although rows are READY: it may be the wrong one."""

    message = (
        "Nothing was changed: the bucket holds no media, but the database has READY files."
        " Check R2_BUCKET_NAME, or restore the bucket first."
    )


class LostNotConfirmedError(ConflictError):
    """Raised when the confirmed number of lost files is not the one a stopped pass counted."""


class ReportNotApprovableError(ConflictError):
    """Raised when the unknown objects of a report cannot be approved for deletion."""


class ObjectNotFoundError(NotFoundError):
    """Raised when the store holds no object under a key."""


class PreconditionFailedError(ConflictError):
    """Raised when an object does not have the expected ETag."""

    message = "The stored object has changed."


class KeyRefusedError(InvalidError):
    """Raised when a key is not of the kind the operation requires."""

    code = "file_not_found"
    message = "The file does not exist."


class FileNameRefusedError(InvalidError):
    """Raised when a file name contains control characters."""

    code = "file_name"
    message = "The file name contains control characters."


class UploadRefusedError(NotPermittedError):
    """Raised when a PUT does not match its signed token."""

    message = "The upload does not match what was signed."


class LengthRequiredError(UploadRefusedError):
    """Raised when an upload has no Content-Length."""

    message = "The upload needs a Content-Length."


class UploadTooLargeError(RequestTooLargeError):
    """Raised when the body of an upload exceeds the size limit."""

    message = "The file is larger than 50 MiB."


# --- Uploads, resources, ingest (docs/design/ingest.md) -----------------------------------------


class FileTooSmallError(ContentError):
    """Raised when a client declares a file without bytes."""

    code = "file_too_small"
    message = "A file has at least 1 byte. Check the original and upload it again."


class SizeConflictError(InvalidError):
    """Raised when `size` and `file_size` differ."""

    code = "size_conflict"
    message = "size and file_size mean the same. Send one of them, or the same value in both."


class FileNotFoundForCallerError(InvalidError):
    """Raised when the caller may not use the file: it is unknown, expired or another owner's."""

    code = "file_not_found"
    message = (
        "The file does not exist, or you cannot use it here. Get a new upload URL and upload it"
        " again."
    )


class OrganizationUnavailableError(InvalidError):
    """Raised when a file is for an organization the caller may not act in."""

    code = "not_found"
    message = "You cannot upload files for this organization, or it does not exist."


class UploadNotFoundError(NotFoundError):
    """Raised when the upload does not exist or the caller may not see it."""

    message = "Upload not found"


class RequestFilesTooLargeError(InvalidError):
    """Raised when the files of one request are too large together."""

    code = "request_too_large"
    message = "The files of a request can have 500 MiB in total. Send fewer at a time."


class SourceChangedError(ContentError):
    """Raised when the copied bytes are not the checked ones."""

    code = "source_changed"
    message = "The file was replaced while it was being stored. Upload it again."


class IngestTimeError(StoreUnavailableError):
    """Raised when reading the files of one request exceeded its time limit."""

    message = "Reading the files took too long. Try again."


class MediaResourceNotFoundError(NotFoundError):
    """Raised when the resource does not exist or the caller may not see it."""

    message = "Media resource not found"


class ResourceInUseError(ConflictError):
    """Raised when a resource cannot be discarded because it is still in use."""

    message = "This resource is still in use."
