"""Boxes of the ISO base media file format, which MP4 and AVIF are made of."""

from collections.abc import Iterator
from dataclasses import dataclass

from media.errors import FileCorruptError, FileTruncatedError
from media.rules.file_types import foreign_types
from media.rules.formats import brands
from media.rules.formats.reader import Reader, unpack
from media.rules.limits import MIB

_MAX_PAYLOAD = MIB
_MAX_BOXES = 100_000
NEEDED = frozenset({b"ftyp", b"moov", b"mdat", b"moof", b"meta"})
_VIDEO_HANDLER = b"vide"
_MP4 = "video/mp4"


@dataclass(frozen=True, kw_only=True)
class Box:
    """One box: its kind, and where its payload starts and ends."""

    kind: bytes
    start: int
    end: int


def boxes(reader: Reader, start: int, end: int) -> Iterator[Box]:
    """Yield the boxes that lie side by side between two offsets."""
    position = start
    while end - position >= 8:
        reader.move_to(position)
        size, kind = unpack(">I4s", reader.take(8))
        header = 8
        if size == 1:
            size, header = unpack(">Q", reader.take(8))[0], 16
        elif size == 0:  # to the end
            size = end - position
        if size < header:
            raise FileCorruptError
        yield Box(kind=kind, start=position + header, end=position + size)
        position += size


def require_boxes(reader: Reader) -> set[bytes]:
    """Return the kinds of the outermost boxes; raise FileTruncatedError without any."""
    kinds = {box.kind for box in whole_boxes(reader)}
    if not kinds:
        raise FileTruncatedError
    return kinds


def whole_boxes(reader: Reader) -> Iterator[Box]:
    """Yield the outermost boxes up to the first data that is not a box.

    Other data there (a vendor's trailer, padding) is tolerated. A box that a player needs and that
    extends beyond the end of the file means that the file was cut off.
    """
    for count, box in enumerate(boxes(reader, 0, reader.size)):
        if count > _MAX_BOXES:
            raise FileCorruptError
        if not _is_kind(box.kind):
            return
        if box.end > reader.size:
            if box.kind in NEEDED:
                raise FileTruncatedError
            return
        yield box


def require_video(reader: Reader) -> None:
    """Require a complete MP4 with an index and a video track."""
    kinds = require_boxes(reader)
    file = Box(kind=b"", start=0, end=reader.size)
    brand_type = b"ftyp" in kinds and brands.content_type_of(
        payload(reader, child(reader, file, b"ftyp"))
    )
    if b"moov" in kinds and brand_type != _MP4:  # old QuickTime files have no ftyp
        raise foreign_types.mismatch(declared=_MP4, detected=brand_type or "video/quicktime")
    if b"moov" not in kinds:
        raise FileTruncatedError
    if not {b"mdat", b"moof"} & kinds:
        raise FileCorruptError
    moov = child(reader, file, b"moov")
    child(reader, moov, b"mvhd")
    handlers = {handler(reader, box) for box in children(reader, moov) if box.kind == b"trak"}
    if handlers and _VIDEO_HANDLER not in handlers:
        raise foreign_types.mismatch(declared=_MP4, detected="audio/mp4")


def handler(reader: Reader, track: Box) -> bytes:
    """Return the handler type of a track: its kind of media."""
    return payload(reader, child(reader, track, b"mdia", b"hdlr"))[8:12]


def child(reader: Reader, parent: Box, *path: bytes) -> Box:
    """Return the first box at a path of kinds below a box."""
    box = parent
    for kind in path:
        inside = next(
            (inner for inner in boxes(reader, box.start, box.end) if inner.kind == kind), None
        )
        if inside is None or inside.end > box.end:
            raise FileCorruptError
        box = inside
    return box


def children(reader: Reader, parent: Box) -> Iterator[Box]:
    """Yield the boxes inside a box that has only boxes as its payload."""
    return boxes(reader, parent.start, parent.end)


def payload(reader: Reader, box: Box) -> bytes:
    """Return the bytes of a small box."""
    length = box.end - box.start
    if length > _MAX_PAYLOAD:
        raise FileCorruptError
    reader.move_to(box.start)
    return reader.take(length)


def _is_kind(kind: bytes) -> bool:
    return all(0x20 <= byte < 0x7F for byte in kind)
