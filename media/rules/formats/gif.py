from collections.abc import Iterator
from typing import NamedTuple

from media.errors import FileCorruptError, FileTruncatedError
from media.rules.formats.header import ImageHeader
from media.rules.formats.reader import Reader, unpack
from media.rules.limits import MAX_FRAMES

SIGNATURES = (b"GIF87a", b"GIF89a")
_IMAGE, _EXTENSION, _TRAILER, _STRAY = b"\x2c", b"\x21", b"\x3b", b"\x00"
_HAS_TABLE = 0x80


class Block(NamedTuple):
    """One extension, frame or trailer with its range; for a frame, its right and bottom edge."""

    kind: bytes
    start: int
    end: int
    right: int
    bottom: int


def measure(reader: Reader) -> ImageHeader:
    """Return the screen size, extended to contain every frame, and at most MAX_FRAMES + 1 frames.

    In a truncated file the complete frames count; completeness is checked elsewhere.
    """
    width, height = _screen(reader)
    frames = 0
    try:
        for block in _blocks(reader):
            frames += block.kind == _IMAGE
            width, height = max(width, block.right), max(height, block.bottom)
            if frames > MAX_FRAMES:
                break
    except FileTruncatedError:
        pass
    if not width or not height:
        raise FileCorruptError
    return ImageHeader(width=width, height=height, frames=frames or 1)


def require_complete(reader: Reader) -> None:
    """Walk every block to the trailer, or to the end of a file that lacks one."""
    _screen(reader)
    if not sum(block.kind == _IMAGE for block in _blocks(reader)):
        raise FileCorruptError


def _screen(reader: Reader) -> tuple[int, int]:
    if reader.take(6) not in SIGNATURES:
        raise FileCorruptError
    width, height, packed = unpack("<HHBxx", reader.take(7))
    _skip_colour_table(reader, packed)
    return width, height


def image_ranges(reader: Reader) -> Iterator[tuple[int, int]]:
    """Yield the ranges of the image's blocks, without stray bytes."""
    _screen(reader)
    yield 0, reader.position
    for block in _blocks(reader):
        yield block.start, block.end


def _blocks(reader: Reader) -> Iterator[Block]:
    """Yield every block up to the trailer; as in browsers, junk after a frame ends the image."""
    has_frame = False
    while kind := reader.take_up_to(1):
        start = reader.position - 1
        edges = (0, 0)
        if kind == _IMAGE:
            left, top, width, height, packed = unpack("<HHHHB", reader.take(9))
            edges = (left + width, top + height)
            _skip_colour_table(reader, packed)
            reader.skip(1)  # the first code size
            _skip_sub_blocks(reader)
            has_frame = True
        elif kind == _EXTENSION:
            reader.skip(1)  # its label
            _skip_sub_blocks(reader)
        elif kind != _TRAILER:
            if has_frame and kind != _STRAY:
                return
            continue
        yield Block(kind, start, reader.position, *edges)
        if kind == _TRAILER:
            return


def _skip_colour_table(reader: Reader, packed: int) -> None:
    if packed & _HAS_TABLE:
        reader.skip(3 * 2 ** ((packed & 0x07) + 1))


def _skip_sub_blocks(reader: Reader) -> None:
    while length := reader.take(1)[0]:
        reader.skip(length)
