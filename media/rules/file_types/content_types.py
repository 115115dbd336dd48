"""The nine accepted content types, and the folders that accept them.

A declared type must be spelled exactly as below: it is signed with the upload URL, so the store
would reject an upload with another spelling.
"""

from dataclasses import dataclass
from typing import Final

from media.errors import ContentTypeNotAllowedError, ImageRequiredError
from media.rules.file_types import foreign_types

IMAGE: Final = "IMAGE"
VIDEO: Final = "VIDEO"
AUDIO: Final = "AUDIO"
DOCUMENT: Final = "DOCUMENT"
ARCHIVE: Final = "ARCHIVE"

# The Cache-Control of objects that never change.
IMMUTABLE: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, kw_only=True)
class FileType:
    """One type of file: its content type, our extension for it, and its resource type."""

    content_type: str
    extension: str
    resource_type: str

    @property
    def is_image(self) -> bool:
        """Whether files of this type are images."""
        return self.resource_type == IMAGE


_ALL = (
    FileType(content_type="image/jpeg", extension="jpg", resource_type=IMAGE),
    FileType(content_type="image/png", extension="png", resource_type=IMAGE),
    FileType(content_type="image/webp", extension="webp", resource_type=IMAGE),
    FileType(content_type="image/gif", extension="gif", resource_type=IMAGE),
    FileType(content_type="image/avif", extension="avif", resource_type=IMAGE),
    FileType(content_type="application/zip", extension="zip", resource_type=ARCHIVE),
    FileType(content_type="application/pdf", extension="pdf", resource_type=DOCUMENT),
    FileType(content_type="video/mp4", extension="mp4", resource_type=VIDEO),
    FileType(content_type="audio/mpeg", extension="mp3", resource_type=AUDIO),
)
FILE_TYPES: Final[dict[str, FileType]] = {file_type.content_type: file_type for file_type in _ALL}
IMAGE_CONTENT_TYPES: Final = tuple(
    file_type.content_type for file_type in _ALL if file_type.is_image
)
IMAGE_FOLDERS: Final = frozenset(
    {"product-images", "style-images", "subject-images", "background-images"}
)
# Spellings of browsers and tools; they are rejected with the accepted spelling.
_ALIASES: Final = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "image/apng": "image/png",
    "image/avif-sequence": "image/avif",
    "application/x-zip": "application/zip",
    "application/x-zip-compressed": "application/zip",
    "application/x-pdf": "application/pdf",
    "audio/mp3": "audio/mpeg",
    "audio/x-mp3": "audio/mpeg",
    "video/x-m4v": "video/mp4",
}


def require_acceptable(content_type: str, folder: str | None = None) -> FileType:
    """Return the declared content type if the folder accepts it, else raise an error."""
    file_type = FILE_TYPES.get(content_type)
    if file_type is None:
        raise ContentTypeNotAllowedError(
            _rejection_message(content_type), value=content_type, ctx={"allowed": list(FILE_TYPES)}
        )
    if folder in IMAGE_FOLDERS and not file_type.is_image:
        raise ImageRequiredError(
            value=content_type, ctx={"folder": folder, "allowed": list(IMAGE_CONTENT_TYPES)}
        )
    return file_type


def suggestion(content_type: str) -> str | None:
    """Return the accepted content type that was probably meant, if any."""
    bare = content_type.partition(";")[0].strip().lower()
    suggested = _ALIASES.get(bare, bare)
    return suggested if suggested in FILE_TYPES else None


def _rejection_message(content_type: str) -> str:
    suggested = suggestion(content_type)
    if suggested is None:
        bare = content_type.partition(";")[0].strip().lower()
        message = foreign_types.sentence(bare)
        if message:
            return message
        return f"This content type is not accepted. Use one of {', '.join(FILE_TYPES)}."
    return f"This spelling of the content type is not accepted. Use {suggested}."
