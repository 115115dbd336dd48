from collections.abc import Iterator

from media.errors import FileCorruptError, FileTruncatedError
from media.rules.formats import isobmff
from media.rules.formats.header import ImageHeader
from media.rules.formats.isobmff import Box
from media.rules.formats.reader import Reader, unpack

_FULL_BOX = 4  # version and flags
_PICTURE = b"pict"


def measure(reader: Reader) -> ImageHeader:
    """Return the size of what a decoder shows: the image sequence of `avis`, else the main item."""
    whole = Box(kind=b"", start=0, end=reader.size)
    brand = isobmff.payload(reader, isobmff.child(reader, whole, b"ftyp"))[:4]
    if brand == b"avis":
        return _sequence(reader, isobmff.child(reader, whole, b"moov"))
    return _still(reader, isobmff.child(reader, whole, b"meta"))


def require_complete(reader: Reader) -> None:
    """Require whole boxes, the picture's index and a size in it."""
    kinds = isobmff.require_boxes(reader)
    if not {b"meta", b"moov"} & kinds:
        raise FileTruncatedError
    measure(reader)


def picture_ranges(reader: Reader) -> Iterator[tuple[int, int]]:
    """Yield all up to the end of the last box that a picture is made of.

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
    """Return the primaries and transfer codes (ITU-T H.273) of the main item, if it has any."""
    whole = Box(kind=b"", start=0, end=reader.size)
    for box in _main_properties(reader, isobmff.child(reader, whole, b"meta")):
        if box.kind == b"colr":
            kind, primaries, transfer = unpack(">4sHH", isobmff.payload(reader, box)[:8])
            if kind == b"nclx":
                return primaries, transfer
    return None


def _still(reader: Reader, meta: Box) -> ImageHeader:
    for box in _main_properties(reader, meta):
        if box.kind == b"ispe":
            return _header(*unpack(">II", isobmff.payload(reader, box), _FULL_BOX))
    raise FileCorruptError


def _main_properties(reader: Reader, meta: Box) -> Iterator[Box]:
    """Yield the properties linked to the main item."""
    inside = Box(kind=b"meta", start=meta.start + _FULL_BOX, end=meta.end)
    main = isobmff.payload(reader, isobmff.child(reader, inside, b"pitm"))
    item = unpack(">I" if main[:1] == b"\x01" else ">H", main, _FULL_BOX)[0]
    store = isobmff.child(reader, inside, b"iprp", b"ipco")
    properties = list(isobmff.children(reader, store))
    links = isobmff.payload(reader, isobmff.child(reader, inside, b"iprp", b"ipma"))
    for index in _properties_of(item, links):
        if 0 < index <= len(properties):
            yield properties[index - 1]


def _properties_of(wanted: int, links: bytes) -> Iterator[int]:
    """Yield the 1-based indices of the properties linked to an item."""
    version, wide, count = unpack(">B2xBI", links)
    item_layout, item_size = (">IB", 5) if version else (">HB", 3)
    link_layout, link_size, mask = (">H", 2, 0x7FFF) if wide & 1 else (">B", 1, 0x7F)
    position = 8
    for _ in range(count):
        item, linked = unpack(item_layout, links, position)
        position += item_size
        if item == wanted:
            for order in range(linked):
                yield unpack(link_layout, links, position + order * link_size)[0] & mask
        position += linked * link_size


def _sequence(reader: Reader, moov: Box) -> ImageHeader:
    for track in isobmff.children(reader, moov):
        if track.kind == b"trak" and isobmff.handler(reader, track) == _PICTURE:
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
