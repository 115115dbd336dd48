import re
from collections.abc import Iterator

from media.errors import FileCorruptError, FileTruncatedError, TooManyScansError
from media.rules.formats.header import ImageHeader
from media.rules.formats.reader import Reader, unpack
from media.rules.limits import KIB, MAX_SCAN_PIXELS, MAX_SCANS, MEGAPIXEL, MIB, MIN_SCANS

START = b"\xff\xd8"
_START_OF_IMAGE, _END_OF_IMAGE, _START_OF_SCAN, _APP2 = 0xD8, 0xD9, 0xDA, 0xE2
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_MULTI_PICTURE = b"MPF\x00"
_HEAD = 12  # bytes of a segment we look at


def measure(reader: Reader) -> ImageHeader:
    """Return the size in the first frame header."""
    for marker, head in _segments(reader):
        if marker in _FRAMES:
            return _size(head)
    raise FileCorruptError


def require_complete(reader: Reader) -> None:
    """Walk every segment and scan to the end-of-image marker.

    Cameras append previews that the multi-picture segment lists; those are pictures of their own.
    """
    announced = _require_picture(reader)
    while announced and _at_picture(reader):
        _require_picture(reader)
    reader.require_ended()


def _require_picture(reader: Reader) -> bool:
    """Walk one picture; return whether it announces further ones."""
    size: ImageHeader | None = None
    announced = False
    scans = 0
    for marker, head in _segments(reader):
        if marker in _FRAMES:
            size = _size(head)
        elif marker == _START_OF_SCAN:
            scans += 1
            _require_few_scans(scans, size)
        announced = announced or (marker == _APP2 and head.startswith(_MULTI_PICTURE))
    if size is None or not scans:
        raise FileCorruptError
    return announced


def _require_few_scans(scans: int, size: ImageHeader | None) -> None:
    """Refuse a picture that a decoder would have to pass over too often."""
    pixels = size.pixels if size else 0
    # Pixels that allow fewer than the least are refused for their size, by the header's limits.
    allowed = max(MIN_SCANS, min(MAX_SCANS, MAX_SCAN_PIXELS // max(pixels, 1)))
    if scans > allowed:
        raise TooManyScansError(
            f"The image has {pixels / MEGAPIXEL:.1f} megapixels in more than {allowed} scans,"
            " too many for its size. Save it again as an ordinary JPEG.",
            ctx={"pixels": pixels, "max_scans": allowed},
        )


def _segments(reader: Reader) -> Iterator[tuple[int, bytes]]:
    """Yield each marker with the first bytes of its segment, up to the end of the image."""
    if reader.take(2) != START:
        raise FileCorruptError
    while (marker := _marker(reader)) != _END_OF_IMAGE:
        if marker in _BARE:
            continue
        if marker in {_START_OF_IMAGE, 0x00}:
            raise FileCorruptError
        length = unpack(">H", reader.take(2))[0] - 2
        if length < 0:
            raise FileCorruptError
        head = reader.take(min(length, _HEAD))
        reader.skip(length - len(head))
        yield marker, head
        if marker == _START_OF_SCAN:
            _skip_entropy(reader)


def _marker(reader: Reader) -> int:
    prefix, code = reader.take(2)
    if prefix != 0xFF:
        raise FileCorruptError
    while code == 0xFF:  # fill bytes
        code = reader.take(1)[0]
    return code


def _skip_entropy(reader: Reader) -> None:
    """Move to the marker that ends the compressed data of a scan."""
    start, carry, step = reader.position, b"", 4 * KIB
    while chunk := reader.take_up_to(step):
        window = carry + chunk
        found = _NEXT_MARKER.search(window)
        if found:
            reader.move_to(start + found.start())
            return
        carry = window[-1:]
        start += len(window) - len(carry)
        step = min(2 * step, MIB)  # small first: a file of many tiny scans is read once
    raise FileTruncatedError


def _size(head: bytes) -> ImageHeader:
    height, width = unpack(">HH", head, 1)
    if not width or not height:
        raise FileCorruptError
    return ImageHeader(width=width, height=height)


def _at_picture(reader: Reader) -> bool:
    """Skip padding; return whether another picture starts here."""
    here = reader.position
    while chunk := reader.take_up_to(64 * KIB):
        padding = len(chunk) - len(chunk.lstrip(b"\x00"))
        here += padding
        if padding < len(chunk):
            break
    reader.move_to(here)
    follows = reader.take_up_to(2) == START
    reader.move_to(here)
    return follows
