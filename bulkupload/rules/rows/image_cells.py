"""What the image columns of a row ask for: which pictures, in which slot, in which order."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from bulkupload.codes import ImageCode
from bulkupload.rules.rows.columns import IMAGE_FIELDS
from bulkupload.rules.rows.formulas import protect, restore
from bulkupload.rules.table.csv_records import Record
from bulkupload.rules.table.header import Layout
from media.rules.limits import MAX_REQUEST_IMAGES

SEPARATOR: Final = "|"
# Line breaks part addresses as well, and before an address so do commas, semicolons and blanks.
_OTHER_BETWEEN: Final = re.compile(r"[\r\n,;\s]")
_BETWEEN: Final = re.compile(r"[|\r\n]|[\s,;]+(?=https?://)|[\s,;]+$", re.IGNORECASE)
MAX_GROUP_IMAGES: Final = (
    250  # pictures of one Shopify handle that are looked at; Shopify keeps as many
)
LATER: Final = 1000  # the place of the first problem found when files are read

NOT_ALLOWED: Final[ImageCode] = "image_url_not_allowed"
NOT_ALLOWED_MESSAGE: Final = (
    "This names no file you may use here. Upload the picture and write the address you were given."
)
TOO_MANY: Final[ImageCode] = "too_many_images"
TOO_MANY_MESSAGE: Final = (
    f"More than {MAX_REQUEST_IMAGES} pictures; the product keeps the ones it has. Remove some."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """A picture of a row that cannot be shown: a warning, the row itself is imported.

    `cells` is the row as it is kept for the error file, in the first problem of a row.
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
    pictures: int = 1
    is_late: bool = False

    @property
    def position(self) -> int:
        """Its place among everything wrong with the row; what is found later comes later."""
        return IMAGE_FIELDS.index(self.slot) + self.index + (LATER if self.is_late else 0)


def read_cell(slot: str, cell: str) -> list[str]:
    """Return the addresses in one cell; only a slot with a list holds several."""
    if slot != "images":
        text = cell.strip()
        return [text] if text else []
    parts = _BETWEEN.split(cell) if _OTHER_BETWEEN.search(cell) else cell.split(SEPARATOR)
    return [text for part in parts if (text := part.strip())]


def read_row(slots: Sequence[str], cells: Sequence[str]) -> dict[str, list[str]]:
    """Return the addresses of each slot that a row brings, in order."""
    return {slot: read_cell(slot, cell) for slot, cell in zip(slots, cells, strict=True)}


def share(group: Iterable[Record], counted: Iterable[Record], layout: Layout) -> None:
    """Give every row of a Shopify handle that counts all pictures of the handle.

    There they belong to the handle, whichever of its rows they stand in. The cell is rewritten, so
    that a row that comes back in the error file brings them as well.
    """
    at = layout.place_of("images")
    came_back = layout.errors_at is not None
    placed: list[tuple[int, str]] = []
    for record in group:
        if record.fault is None and layout.is_whole(record.cells):
            cell = restore(record.cells[at]) if came_back else record.cells[at]
            place = _position(record, layout)
            placed.extend((place, url) for url in read_cell("images", cell))
    urls = dict.fromkeys(url for _, url in sorted(placed, key=lambda each: each[0]))
    shared = SEPARATOR.join(list(urls)[:MAX_GROUP_IMAGES])
    for record in counted:
        if record.fault is None and layout.is_whole(record.cells):
            record.cells[at] = protect(shared) if came_back else shared


def _position(record: Record, layout: Layout) -> int:
    """Return the picture's place among those of its handle; without one it comes last."""
    at = layout.position_place
    text = record.cells[at].strip() if at is not None and len(record.cells) > at else ""
    last = 10**9
    return int(text) if text.isascii() and text.isdigit() and int(text) < last else last
