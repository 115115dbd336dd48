"""Errors of the exports app."""

from dataclasses import dataclass
from typing import ClassVar

from exports.codes import FileFailureCode, RunFailureCode
from sartiq.core.errors import (
    ConflictError,
    GoneError,
    InvalidError,
    NotFoundError,
    SartiqError,
)


class ExportConfigurationNotFoundError(NotFoundError):
    """Raised when the configuration does not exist or the caller may not see it."""

    message = "Export configuration not found"


class MetadataAdapterNotFoundError(NotFoundError):
    """Raised when no adapter has the code."""

    message = "Metadata adapter not found"


class TemplateError(InvalidError):
    """Raised when a naming template cannot be read; `ctx` names the token and its position."""

    code = "template_invalid"
    message = "The naming template is not valid."

    def __init__(self, failure: str, *, text: str, token: str, position: int) -> None:
        super().__init__(
            f"{failure} at position {position}.",
            value=text,
            ctx={"token": token, "position": position},
        )


class TemplateNotCustomizableError(InvalidError):
    """Raised when a template is set for an adapter with a fixed template."""

    code = "template_not_customizable"
    message = "This metadata adapter has a fixed naming template. Leave the template out."


class AdapterNotAvailableError(InvalidError):
    """Raised when a configuration names an adapter its owner may not use."""

    code = "adapter_not_available"
    message = "This metadata adapter is not available to this owner."


class OrganizationUnknownError(InvalidError):
    """Raised when an adapter is made visible to an organization that does not exist."""

    code = "not_found"
    message = "There is no organization with this id."


class ExportRunNotFoundError(NotFoundError):
    """Raised when the run does not exist or the caller may not see it."""

    message = "Export not found"


class ExportNotFinishedError(ConflictError):
    """Raised when the archive of an unfinished run is requested."""

    message = "The export is still running. Wait until its status is completed, then download it."


class ExportFailedError(ConflictError):
    """Raised when the archive of a run without one is requested."""

    message = "The export failed and has no archive. See its failure, then start a new export."


class ExportExpiredError(GoneError):
    """Raised when a discarded archive is requested."""

    message = "The archive has expired and was deleted. Start the export again."


class NothingToExportError(InvalidError):
    """Raised when no file is attached to the selected objects."""

    code = "too_few"
    message = "The selection has no files. Select something that has images."


class TooManyFilesError(InvalidError):
    """Raised when more files are selected than one export may have."""

    code = "too_many"
    message = "An export can have at most 10,000 files. Select fewer."


@dataclass(frozen=True)
class Failure:
    """Why a file or a whole export failed, as it is stored.

    Not an exception: module constants that are exceptions would hold on to stack frames.
    """

    code: RunFailureCode | FileFailureCode
    message: str


class ItemFailedError(Exception):
    """Raised when one file cannot be exported: the item fails with this failure."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class ArchiveEntryError(SartiqError):
    """Raised when a file differs from its announced size or checksum; the archive is unusable."""

    message = "A file differs from its recorded size or checksum."


class ConversionError(SartiqError):
    """Raised when an image cannot be converted to the requested format; `code` says why.

    It fails one item of an export; its codes are those of an item, not of a 422 response.
    """

    code: ClassVar[FileFailureCode] = "conversion_failed"
    message = "The image could not be converted."


class ImageUnreadableError(ConversionError):
    """Raised when the source is not a complete image of a supported type."""

    code = "image_unreadable"
    message = "The image is damaged or is not of a supported type. Upload it again."


class ImageTooLargeForFormatError(ConversionError):
    """Raised when an encoder cannot write an image of this size within its limits."""

    code = "image_too_large_for_format"
    message = (
        "The image is too large to be written in this format. Export it as JPEG or as the original,"
        " or upload a smaller one."
    )


class ImageOversizedError(ConversionError):
    """Raised when an image has too many pixels or too long a side to be converted."""

    code = "image_too_large"
    message = "The image is too large to be converted."


class TooManyLookProductsError(InvalidError):
    """Raised when the looks of one export have too many products."""

    code = "too_many"
    message = "The looks of an export can have at most 50,000 products. Select fewer looks."


class OwnersDifferError(InvalidError):
    """Raised when an export selects objects of different owners."""

    message = "The selection has several owners. Export the objects of each owner separately."


class ConfigurationsDifferError(InvalidError):
    """Raised when different configurations apply to the selected objects."""

    message = "Different export configurations apply to the selection. Choose one of them."
