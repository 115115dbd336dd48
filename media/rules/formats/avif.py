from collections.abc import Iterator
from typing import NamedTuple

from media.errors import FileCorruptError, FileTruncatedError
from media.rules.formats import av1, isobmff
from media.rules.formats.header import ImageHeader
from media.rules.formats.isobmff import Box
from media.rules.formats.reader import Reader, unpack

_FULL_BOX = 4  # version and flags
_IMAGE_HANDLER = b"pict"
_STREAM_HEAD = 4096  # bytes of a stream that are searched for its sequence header


class CodedSize(NamedTuple):
    """The coded size, if it differs from the declared one, which is stored at `offset`."""

    offset: int
    width: int
    height: int


def measure(reader: Reader) -> ImageHeader:
    """Return the size that is displayed: of the sequence in `avis`, else of the primary item."""
    file = Box(kind=b"", start=0, end=reader.size)
    if _is_sequence(reader, file):
        return _sequence(reader, isobmff.child(reader, file, b"moov"))
    return _still(reader, isobmff.child(reader, file, b"meta"))


def require_complete(reader: Reader) -> None:
    """Require complete boxes, the image's index and a size in it."""
    kinds = isobmff.require_boxes(reader)
    if not {b"meta", b"moov"} & kinds:
        raise FileTruncatedError
    measure(reader)


def image_ranges(reader: Reader) -> Iterator[tuple[int, int]]:
    """Yield the range up to the end of the last box that belongs to the image.

    A second `ftyp` starts another file, the video of a motion photo.
    """
    end = 0
    for box in isobmff.whole_boxes(reader):
        if end and box.kind == b"ftyp":
            break
        if box.kind in isobmff.NEEDED:
            end = box.end
    yield 0, end or reader.size


def colour_codes(reader: Reader) -> tuple[int, int] | None:
    """Return the primaries and transfer codes (ITU-T H.273) of the primary item, if it has any."""
    file = Box(kind=b"", start=0, end=reader.size)
    for box in _primary_properties(reader, isobmff.child(reader, file, b"meta")):
        if box.kind == b"colr":
            kind, primaries, transfer = unpack(">4sHH", isobmff.payload(reader, box)[:8])
            if kind == b"nclx":
                return primaries, transfer
    return None


def differing_size(reader: Reader) -> CodedSize | None:
    """Return the coded size of a still image if its container declares another size.

    Browsers scale such an image to the declared size; libheif rejects it.
    """
    file = Box(kind=b"", start=0, end=reader.size)
    try:
        if _is_sequence(reader, file):
            return None
        meta = isobmff.child(reader, file, b"meta")
        declared = next(box for box in _primary_properties(reader, meta) if box.kind == b"ispe")
        sizes = unpack(">II", isobmff.payload(reader, declared), _FULL_BOX)
        reader.move_to(_primary_stream_offset(reader, meta))
        coded = av1.coded_size(reader.take_up_to(_STREAM_HEAD))
    except (FileCorruptError, FileTruncatedError, StopIteration):
        return None
    if coded is None or coded == sizes:
        return None
    return CodedSize(declared.start + _FULL_BOX, *coded)


def _is_sequence(reader: Reader, file: Box) -> bool:
    return isobmff.payload(reader, isobmff.child(reader, file, b"ftyp"))[:4] == b"avis"


def _primary_stream_offset(reader: Reader, meta: Box) -> int:
    """Return the file offset of the primary item's stream."""
    inside = Box(kind=b"meta", start=meta.start + _FULL_BOX, end=meta.end)
    primary = _primary_item(reader, inside)
    table = isobmff.payload(reader, isobmff.child(reader, inside, b"iloc"))
    version, sizes, bases = unpack(">B3xBB", table)
    wide = version == 2
    count, at = unpack(">I" if wide else ">H", table, 6)[0], 10 if wide else 8
    base_size, index_size = bases >> 4, (bases & 15 if version else 0)
    for _ in range(count):
        item = unpack(">I" if wide else ">H", table, at)[0]
        at += 4 if wide else 2
        method = unpack(">H", table, at)[0] & 15 if version else 0
        at += 4 if version else 2
        base = int.from_bytes(table[at : at + base_size], "big")
        extents = unpack(">H", table, at + base_size)[0]
        at += base_size + 2
        if item == primary and not method:
            start = at + index_size
            return base + int.from_bytes(table[start : start + (sizes >> 4)], "big")
        at += extents * (index_size + (sizes >> 4) + (sizes & 15))
    raise FileCorruptError


def _still(reader: Reader, meta: Box) -> ImageHeader:
    for box in _primary_properties(reader, meta):
        if box.kind == b"ispe":
            return _header(*unpack(">II", isobmff.payload(reader, box), _FULL_BOX))
    raise FileCorruptError


def _primary_properties(reader: Reader, meta: Box) -> Iterator[Box]:
    """Yield the properties linked to the primary item."""
    inside = Box(kind=b"meta", start=meta.start + _FULL_BOX, end=meta.end)
    item = _primary_item(reader, inside)
    container = isobmff.child(reader, inside, b"iprp", b"ipco")
    properties = list(isobmff.children(reader, container))
    links = isobmff.payload(reader, isobmff.child(reader, inside, b"iprp", b"ipma"))
    for index in _properties_of(item, links):
        if 0 < index <= len(properties):
            yield properties[index - 1]


def _primary_item(reader: Reader, inside: Box) -> int:
    pitm = isobmff.payload(reader, isobmff.child(reader, inside, b"pitm"))
    return int(unpack(">I" if pitm[:1] == b"\x01" else ">H", pitm, _FULL_BOX)[0])


def _properties_of(item_id: int, links: bytes) -> Iterator[int]:
    """Yield the 1-based indices of the properties linked to an item."""
    version, wide, count = unpack(">B2xBI", links)
    item_layout, item_size = (">IB", 5) if version else (">HB", 3)
    link_layout, link_size, mask = (">H", 2, 0x7FFF) if wide & 1 else (">B", 1, 0x7F)
    position = 8
    for _ in range(count):
        item, link_count = unpack(item_layout, links, position)
        position += item_size
        if item == item_id:
            for order in range(link_count):
                yield unpack(link_layout, links, position + order * link_size)[0] & mask
        position += link_count * link_size


def _sequence(reader: Reader, moov: Box) -> ImageHeader:
    for track in isobmff.children(reader, moov):
        if track.kind == b"trak" and isobmff.handler(reader, track) == _IMAGE_HANDLER:
            head = isobmff.payload(reader, isobmff.child(reader, track, b"tkhd"))
            width, height = unpack(">II", head, 88 if head[:1] == b"\x01" else 76)
            table = isobmff.child(reader, track, b"mdia", b"minf", b"stbl", b"stsz")
            reader.move_to(table.start)
            frames = unpack(">8xI", reader.take(12))[0]
            return _header(width >> 16, height >> 16, frames)
    raise FileCorruptError


def _header(width: int, height: int, frames: int = 1) -> ImageHeader:
    if not width or not height:
        raise FileCorruptError
    return ImageHeader(width=width, height=height, frames=frames or 1)
