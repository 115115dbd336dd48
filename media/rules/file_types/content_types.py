"""The nine accepted content types, and the folders that accept them.

A declared type must be spelled exactly as below: it is signed into the upload URL, so a client
that declares `image/JPEG` and sends what it declared would be refused by the store later.
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

IMMUTABLE: Final = "public, max-age=31536000, immutable"  # Cache-Control of what never changes


@dataclass(frozen=True, kw_only=True)
class FileType:
    """One type of file: its content type, our extension for it, and its resource type."""

    content_type: str
    extension: str
    resource_type: str

    @property
    def is_image(self) -> bool:
        """Whether files of this type are pictures."""
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
FILE_TYPES: Final[dict[str, FileType]] = {each.content_type: each for each in _ALL}
IMAGE_CONTENT_TYPES: Final = tuple(each.content_type for each in _ALL if each.is_image)
IMAGE_FOLDERS: Final = frozenset(
    {"product-images", "style-images", "subject-images", "background-images"}
)
# Spellings seen from browsers and tools; refused with the spelling that works.
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
            _refusal(content_type), value=content_type, ctx={"allowed": list(FILE_TYPES)}
        )
    if folder in IMAGE_FOLDERS and not file_type.is_image:
        raise ImageRequiredError(
            value=content_type, ctx={"folder": folder, "allowed": list(IMAGE_CONTENT_TYPES)}
        )
    return file_type


def suggestion(content_type: str) -> str | None:
    """Return the accepted content type that was probably meant, if any."""
    bare = content_type.partition(";")[0].strip().lower()
    meant = _ALIASES.get(bare, bare)
    return meant if meant in FILE_TYPES else None


def _refusal(content_type: str) -> str:
    meant = suggestion(content_type)
    if meant is None:
        bare = content_type.partition(";")[0].strip().lower()
        explained = foreign_types.sentence(bare)
        if explained:
            return explained
        return f"This content type is not accepted. Use one of {', '.join(FILE_TYPES)}."
    return f"This spelling of the content type is not accepted. Use {meant}."
