from collections.abc import Iterator
from zlib import crc32

from media.errors import FileCorruptError
from media.rules.formats.header import ImageHeader
from media.rules.formats.reader import Reader, unpack
from media.rules.limits import MIB

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LONGEST_HEAD = 13
_ANIMATION = frozenset({b"acTL", b"fcTL", b"fdAT"})
_NEEDED = _ANIMATION | {b"IHDR", b"PLTE", b"tRNS", b"iCCP", b"IDAT", b"IEND"}


def measure(reader: Reader) -> ImageHeader:
    """Return the size, and the frames of an APNG as a decoder counts them.

    A still picture that no `fcTL` makes the first frame is shown beside the animation, so it
    counts as one more.
    """
    _require_signature(reader)
    size = (0, 0)
    frames, still_is_a_frame = 0, False
    for kind, head in _chunks(reader, checked=False):
        if kind == b"IHDR":
            size = unpack(">II", head)
        elif kind == b"acTL":
            frames = frames or unpack(">I", head)[0]  # decoders heed the first of several
        elif kind == b"fcTL":
            still_is_a_frame = True
        elif kind in {b"IDAT", b"IEND"}:
            break
    if not size[0] or not size[1]:
        raise FileCorruptError
    total = frames if still_is_a_frame or not frames else frames + 1
    return ImageHeader(width=size[0], height=size[1], frames=total or 1)


def require_complete(reader: Reader) -> None:
    """Walk every chunk to IEND and check the sums: a flipped bit in the pixels is found here.

    Only the sums of what a decoder needs count, and what follows IEND is no part of the picture.
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


def picture_ranges(reader: Reader) -> Iterator[tuple[int, int]]:
    """Yield where the chunks stand that pixels, frames and colours come from.

    Texts of any size, a second `acTL` and whatever follows IEND are left out.
    """
    _require_signature(reader)
    yield 0, reader.position
    start, animated, pixels = reader.position, False, False
    for kind, _ in _chunks(reader, checked=False):
        repeated = kind == b"acTL" and (animated or pixels)
        if kind in _NEEDED and not repeated:
            yield start, reader.position
        animated, pixels = animated or kind == b"acTL", pixels or kind == b"IDAT"
        if kind == b"IEND":
            return
        start = reader.position


def _require_signature(reader: Reader) -> None:
    if reader.take(len(SIGNATURE)) != SIGNATURE:
        raise FileCorruptError


def _chunks(reader: Reader, *, checked: bool) -> Iterator[tuple[bytes, bytes]]:
    """Yield each chunk's kind and first bytes; check the sums of those a picture is made of."""
    while True:
        length, kind = unpack(">I4s", reader.take(8))
        if not kind.isalpha():
            raise FileCorruptError
        head = reader.take(min(length, _LONGEST_HEAD))
        if checked and (kind[:1].isupper() or kind in _ANIMATION):
            _require_sum(reader, kind + head, length - len(head))
        else:
            reader.skip(length - len(head) + 4)
        yield kind, head


def _require_sum(reader: Reader, start: bytes, left: int) -> None:
    total = crc32(start)
    while left:
        part = reader.take(min(left, MIB))
        total = crc32(part, total)
        left -= len(part)
    if unpack(">I", reader.take(4))[0] != total:
        raise FileCorruptError
