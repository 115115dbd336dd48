from collections.abc import Iterator

from media.errors import FileCorruptError, FileTruncatedError
from media.rules.formats.header import ImageHeader
from media.rules.formats.reader import Reader, unpack
from media.rules.limits import MAX_FRAMES

SIGNATURES = (b"GIF87a", b"GIF89a")
_IMAGE, _EXTENSION, _TRAILER, _STRAY = 0x2C, 0x21, 0x3B, 0x00
_HAS_TABLE = 0x80


def measure(reader: Reader) -> ImageHeader:
    """Return the screen, grown to hold every frame, and the frames seen in at most 1,001 steps.

    What a cut file shows before its cut counts: whether it is whole is asked elsewhere.
    """
    width, height = _screen(reader)
    frames = 0
    try:
        for right, bottom in _frames(reader):
            frames += 1
            width, height = max(width, right), max(height, bottom)
            if frames > MAX_FRAMES:
                break
    except FileTruncatedError:
        pass
    if not width or not height:
        raise FileCorruptError
    return ImageHeader(width=width, height=height, frames=frames or 1)


def require_complete(reader: Reader) -> None:
    """Walk every block to the trailer."""
    _screen(reader)
    if not sum(1 for _ in _frames(reader)):
        raise FileCorruptError
    reader.require_ended()


def _screen(reader: Reader) -> tuple[int, int]:
    if reader.take(6) not in SIGNATURES:
        raise FileCorruptError
    width, height, packed = unpack("<HHBxx", reader.take(7))
    _skip_table(reader, packed)
    return width, height


def _frames(reader: Reader) -> Iterator[tuple[int, int]]:
    """Yield the right and lower edge of each frame, up to the trailer."""
    while (kind := reader.take(1)[0]) != _TRAILER:
        if kind == _IMAGE:
            left, top, width, height, packed = unpack("<HHHHB", reader.take(9))
            yield left + width, top + height
            _skip_table(reader, packed)
            reader.skip(1)  # the first code size
            _skip_blocks(reader)
        elif kind == _EXTENSION:
            reader.skip(1)  # its label
            _skip_blocks(reader)
        elif kind != _STRAY:  # some encoders leave a zero between blocks
            raise FileCorruptError


def _skip_table(reader: Reader, packed: int) -> None:
    if packed & _HAS_TABLE:
        reader.skip(3 * 2 ** ((packed & 0x07) + 1))


def _skip_blocks(reader: Reader) -> None:
    while length := reader.take(1)[0]:
        reader.skip(length)
