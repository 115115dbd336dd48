import re
from collections.abc import Iterator
from typing import NamedTuple

from media.errors import (
    FileCorruptError,
    FileTruncatedError,
    ImageUndecodableError,
    TooManyScansError,
)
from media.rules.formats.header import ImageHeader
from media.rules.formats.reader import Reader, unpack
from media.rules.limits import KIB, MAX_SCAN_PIXELS, MAX_SCANS, MEGAPIXEL, MIB, MIN_SCANS

START = b"\xff\xd8"
_START_OF_IMAGE, _END_OF_IMAGE, _START_OF_SCAN = 0xD8, 0xD9, 0xDA
_SCAN_DATA = -1  # no marker: the compressed pixels after a start of scan
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_HEAD_BYTES = 12  # of a segment's payload
_CHANNELS = {1, 3, 4}  # grey, colour and CMYK; programs show no others


class Segment(NamedTuple):
    """One marker with its payload, or the compressed pixels of a scan; `head` is its start."""

    marker: int
    start: int
    end: int
    head: bytes = b""


def measure(reader: Reader) -> ImageHeader:
    """Return the size in the first frame header."""
    for segment in _segments(reader):
        if segment.marker in _FRAMES:
            return _size(segment.head)
    raise FileCorruptError


def require_complete(reader: Reader) -> None:
    """Walk every segment and scan of the image to its end-of-image marker.

    Data after the marker (a motion photo, a vendor's trailer, a gain map, padding) does not belong
    to the image; every viewer ignores it.
    """
    size: ImageHeader | None = None
    scans = 0
    for segment in _segments(reader):
        if segment.marker in _FRAMES:
            size = _size(segment.head)
            _require_known_channels(segment.head)
        elif segment.marker == _START_OF_SCAN:
            scans += 1
            _require_few_scans(scans, size)
    if size is None or not scans:
        raise FileCorruptError


def _require_known_channels(frame_header: bytes) -> None:
    (channels,) = unpack(">B", frame_header, 5)
    if channels not in _CHANNELS:
        raise ImageUndecodableError(
            f"The image has {channels} color channels, which programs cannot show. Save it as an"
            " ordinary RGB image and upload it again."
        )


def _require_few_scans(scans: int, size: ImageHeader | None) -> None:
    """Reject an image with so many scans that decoding takes too long."""
    pixels = size.pixels if size else 0
    # Images so large that fewer would be allowed are rejected by the limits for the header.
    allowed = max(MIN_SCANS, min(MAX_SCANS, MAX_SCAN_PIXELS // max(pixels, 1)))
    if scans > allowed:
        raise TooManyScansError(
            f"The image has {pixels / MEGAPIXEL:.1f} megapixels in more than {allowed} scans,"
            " too many for its size. Save it again as an ordinary JPEG.",
            ctx={"pixels": pixels, "max_scans": allowed},
        )


def image_ranges(reader: Reader) -> Iterator[tuple[int, int]]:
    """Yield the ranges of the image's segments, without stray bytes and trailing data."""
    yield 0, len(START)
    for segment in _segments(reader):
        yield segment.start, segment.end


def _segments(reader: Reader) -> Iterator[Segment]:
    """Yield every segment and the data of every scan, up to the end-of-image marker."""
    if reader.take(len(START)) != START:
        raise FileCorruptError
    while (marker := _marker(reader)) != _END_OF_IMAGE:
        if marker in _STANDALONE:
            continue
        if marker == _START_OF_IMAGE:
            raise FileCorruptError
        start = reader.position - 2
        length = unpack(">H", reader.take(2))[0] - 2
        if length < 0:
            raise FileCorruptError
        head = reader.take(min(length, _HEAD_BYTES))
        reader.skip(length - len(head))
        yield Segment(marker, start, reader.position, head)
        if marker == _START_OF_SCAN:
            start = reader.position
            _skip_to_marker(reader)
            yield Segment(_SCAN_DATA, start, reader.position)
    yield Segment(marker, reader.position - 2, reader.position)


def _marker(reader: Reader) -> int:
    """Return the next marker, past fill bytes and bytes that belong to no segment."""
    position = reader.position
    prefix, code = reader.take(2)
    if prefix == 0xFF and code not in {0x00, 0xFF}:
        return code
    reader.move_to(position)
    _skip_to_marker(reader)
    return reader.take(2)[1]


def _skip_to_marker(reader: Reader) -> None:
    """Move to the next marker that is neither a restart of a scan nor a fill byte."""
    start, carry, step = reader.position, b"", 4 * KIB
    while chunk := reader.take_up_to(step):
        window = carry + chunk
        marker = _NEXT_MARKER.search(window)
        if marker:
            reader.move_to(start + marker.start())
            return
        carry = window[-1:]
        start += len(window) - len(carry)
        step = min(2 * step, MIB)  # starts small: a file may have many tiny scans
    raise FileTruncatedError


def _size(head: bytes) -> ImageHeader:
    height, width = unpack(">HH", head, 1)
    if not width or not height:
        raise FileCorruptError
    return ImageHeader(width=width, height=height)
