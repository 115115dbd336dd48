from collections.abc import Iterator
from zlib import crc32

from media.errors import FileCorruptError, FileTruncatedError
from media.rules.formats.header import ImageHeader
from media.rules.formats.reader import Reader, unpack
from media.rules.limits import MIB

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_HEAD_BYTES = 13  # of a payload: the length of IHDR, the longest one that is read
_PREFIX_BYTES = 8  # length and kind, four bytes each, precede the payload of a chunk
_CRC_BYTES = 4  # follow it
_ANIMATION = frozenset({b"acTL", b"fcTL", b"fdAT"})
_COLOURS = frozenset({b"tRNS", b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"pHYs", b"eXIf"})
_NEEDED = _ANIMATION | _COLOURS | {b"IHDR", b"PLTE", b"IDAT", b"IEND"}


def measure(reader: Reader) -> ImageHeader:
    """Return the size, and the frames of an APNG as a decoder counts them.

    A still image that is not the first frame (no `fcTL` precedes it) counts as one more frame.
    Decoders ignore a frame count without frames.
    """
    _require_signature(reader)
    size = (0, 0)
    frames, still_is_a_frame = 0, False
    for kind, head in _chunks(reader, checked=False):
        if kind == b"IHDR":
            size = unpack(">II", head)
        elif kind == b"acTL":
            frames = frames or unpack(">I", head)[0]  # decoders use the first of several
        elif kind == b"fcTL":
            still_is_a_frame = True
        elif kind in {b"IDAT", b"IEND"}:
            break
    if not size[0] or not size[1]:
        raise FileCorruptError
    if not frames or still_is_a_frame:
        return ImageHeader(width=size[0], height=size[1], frames=frames or 1)
    is_animated = _has_frame(reader)
    return ImageHeader(width=size[0], height=size[1], frames=frames + 1 if is_animated else 1)


def _has_frame(reader: Reader) -> bool:
    """Return whether an animation frame follows."""
    try:
        for kind, _ in _chunks(reader, checked=False):
            if kind in {b"fcTL", b"IEND"}:
                return kind == b"fcTL"
    except FileTruncatedError:  # completeness is checked elsewhere
        pass
    return False


def require_complete(reader: Reader) -> None:
    """Walk every chunk to IEND and check the CRCs, which detect damaged pixels.

    Only the CRCs of chunks a decoder needs are checked; data after IEND is ignored.
    """
    _require_signature(reader)
    seen: set[bytes] = set()
    for kind, _ in _chunks(reader, checked=True):
        if not seen and kind != b"IHDR":
            raise FileCorruptError
        seen.add(kind)
        if kind == b"IEND":
            break
    if b"IDAT" not in seen:
        raise FileCorruptError


def image_ranges(reader: Reader) -> Iterator[tuple[int, int]]:
    """Yield the ranges of the chunks with pixels, frames, colours and density.

    Texts, an `acTL` that decoders ignore and data after IEND are left out. So are chunks about
    colours or transparency with a wrong CRC: browsers show the image without them.
    """
    is_animated = measure(reader).frames > 1
    reader.move_to(0)
    _require_signature(reader)
    yield 0, reader.position
    start, ignores_count = reader.position, not is_animated
    for kind, _ in _chunks(reader, checked=False):
        is_ignored = kind == b"acTL" and ignores_count
        is_broken = kind in _COLOURS and not _has_valid_crc(reader, start)
        if kind in _NEEDED and not is_ignored and not is_broken:
            yield start, reader.position
        ignores_count = ignores_count or kind in {b"acTL", b"IDAT"}
        if kind == b"IEND":
            return
        start = reader.position


def _require_signature(reader: Reader) -> None:
    if reader.take(len(SIGNATURE)) != SIGNATURE:
        raise FileCorruptError


def _chunks(reader: Reader, *, checked: bool) -> Iterator[tuple[bytes, bytes]]:
    """Yield each chunk's kind and first bytes; check the CRCs of those a decoder needs."""
    while True:
        length, kind = unpack(">I4s", reader.take(_PREFIX_BYTES))
        if not kind.isalpha():
            raise FileCorruptError
        head = reader.take(min(length, _MAX_HEAD_BYTES))
        is_critical = kind[:1].isupper()
        if checked and (is_critical or kind in _ANIMATION):
            _require_crc(reader, kind + head, length - len(head))
        else:
            reader.skip(length - len(head) + _CRC_BYTES)
        yield kind, head


def _has_valid_crc(reader: Reader, start: int) -> bool:
    """Return whether the CRC of the chunk just read is correct."""
    kind_at = start + 4  # the CRC is that of kind and payload, without the length
    chunk_end = reader.position
    reader.move_to(kind_at)
    try:
        _require_crc(reader, b"", chunk_end - _CRC_BYTES - kind_at)
    except FileCorruptError:
        return False
    return True


def _require_crc(reader: Reader, already_read: bytes, remaining: int) -> None:
    """Reject a chunk unless the CRC of `already_read` and the next `remaining` bytes follows."""
    total = crc32(already_read)
    while remaining:
        part = reader.take(min(remaining, MIB))
        total = crc32(part, total)
        remaining -= len(part)
    if unpack(">I", reader.take(_CRC_BYTES))[0] != total:
        raise FileCorruptError
