from collections.abc import Iterator

from media.errors import FileCorruptError, FileTruncatedError
from media.rules.formats.header import ImageHeader
from media.rules.formats.reader import Reader, unpack
from media.rules.limits import MAX_FRAMES

_LOSSY, _LOSSLESS, _EXTENDED, _FRAME = b"VP8 ", b"VP8L", b"VP8X", b"ANMF"
_ANIMATED = 0x02
_HEAD_BYTES = 10


def measure(reader: Reader) -> ImageHeader:
    """Return the size of the canvas and the number of frames, at most MAX_FRAMES + 1."""
    end = _require_riff(reader)
    chunks = _chunks(reader, end)
    first, head = next(chunks, (b"", b""))
    if first in {_LOSSY, _LOSSLESS}:
        return _still(first, head)
    if first != _EXTENDED:
        raise FileCorruptError
    frames = _count_frames(chunks) if head[:1] and head[0] & _ANIMATED else 1
    width, height = (1 + int.from_bytes(head[at : at + 3], "little") for at in (4, 7))
    return ImageHeader(width=width, height=height, frames=frames or 1)


def require_complete(reader: Reader) -> None:
    """Walk every chunk to the end that RIFF declares."""
    measure(reader)
    reader.move_to(0)
    end = _require_riff(reader)
    if end > reader.size + 1:  # the last padding byte may be missing: Chromium shows such files
        raise FileTruncatedError
    kinds = [kind for kind, _ in _chunks(reader, end)]
    if not kinds or kinds[0] not in {_LOSSY, _LOSSLESS, _EXTENDED}:
        raise FileCorruptError
    if not {_LOSSY, _LOSSLESS, _FRAME} & set(kinds):
        raise FileCorruptError


def image_ranges(reader: Reader) -> Iterator[tuple[int, int]]:
    """Yield the range that RIFF declares to be the image."""
    end = _require_riff(reader)
    yield 0, min(end, reader.size)
    if end == reader.size + 1:
        yield 0, 1  # decoders require the missing padding byte; its value does not matter


def _require_riff(reader: Reader) -> int:
    """Return the offset where the file ends, as RIFF declares."""
    riff, size, form = unpack("<4sI4s", reader.take(12))
    if riff != b"RIFF" or form != b"WEBP":
        raise FileCorruptError
    return int(size) + 8


def _chunks(reader: Reader, end: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield each chunk's kind and first bytes; a chunk is padded to an even length."""
    while reader.position + 8 <= end:
        kind, length = unpack("<4sI", reader.take(8))
        after = reader.position + length
        head = reader.take(min(length, _HEAD_BYTES))
        yield kind, head
        if after > end:
            raise FileCorruptError
        if after > reader.size:
            raise FileTruncatedError
        reader.move_to(min(after + length % 2, end, reader.size))


def _count_frames(chunks: Iterator[tuple[bytes, bytes]]) -> int:
    frames = 0
    try:
        for kind, _ in chunks:
            frames += kind == _FRAME
            if frames > MAX_FRAMES:
                break
    except FileTruncatedError:  # completeness is checked elsewhere
        pass
    return frames


def _still(kind: bytes, head: bytes) -> ImageHeader:
    if kind == _LOSSY:
        start, width, height = unpack("<3x3sHH", head)
        is_valid = start == b"\x9d\x01\x2a"
        width, height = width & 0x3FFF, height & 0x3FFF
    else:
        mark, packed = unpack("<BI", head)
        is_valid = mark == 0x2F
        width, height = 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
    if not is_valid or not width or not height:
        raise FileCorruptError
    return ImageHeader(width=width, height=height)
