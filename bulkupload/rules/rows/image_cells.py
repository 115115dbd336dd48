"""The image columns of a row: the URLs in their cells and the warnings about them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bulkupload.codes import ImageCode
from bulkupload.rules.rows.columns import IMAGE_FIELDS
from media.rules.limits import MAX_REQUEST_IMAGES

SEPARATOR: Final = "|"
# URLs are also separated by line breaks and, before `http`, by commas, semicolons and whitespace.
_OTHER_SEPARATORS: Final = re.compile(r"[\r\n,;\s]")
_SEPARATORS: Final = re.compile(r"[|\r\n]|[\s,;]+(?=https?://)|[\s,;]+$", re.IGNORECASE)
FILE_POSITION: Final = 1000  # warnings found in the files come after all others of the row

NOT_ALLOWED: Final[ImageCode] = "image_url_not_allowed"
NOT_ALLOWED_MESSAGE: Final = (
    "You cannot use the file at this URL here. Upload the image and enter the URL you get."
)
TOO_MANY: Final[ImageCode] = "too_many_images"
TOO_MANY_MESSAGE: Final = (
    f"More than {MAX_REQUEST_IMAGES} images. The product keeps its current ones. Remove some."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageWarning:
    """A warning about an image that cannot be attached; its row is imported.

    The first warning of a row has the row's cells as JSON, for the error file. `index` is the
    position of the image in its cell. `found_in_file` means that the file itself is bad, not its
    URL.
    """

    row: int
    line: int
    slot: str
    index: int
    column: str
    url: str
    code: str
    message: str
    cells: str = ""
    image_count: int = 1
    found_in_file: bool = False

    @property
    def position(self) -> int:
        """Its position among the errors and warnings of the row."""
        return (
            IMAGE_FIELDS.index(self.slot)
            + self.index
            + (FILE_POSITION if self.found_in_file else 0)
        )


def read_cell(slot: str, cell: str) -> list[str]:
    """Return the URLs in one cell; only the slot `images` may hold several."""
    if slot != "images":
        text = cell.strip()
        return [text] if text else []
    parts = _SEPARATORS.split(cell) if _OTHER_SEPARATORS.search(cell) else cell.split(SEPARATOR)
    return [text for part in parts if (text := part.strip())]


def read_row(slots: Sequence[str], cells: Sequence[str]) -> dict[str, list[str]]:
    """Return the URLs of each slot of a row, in order."""
    return {slot: read_cell(slot, cell) for slot, cell in zip(slots, cells, strict=True)}
