from collections.abc import Iterator
from zlib import crc32

from media.errors import FileCorruptError
from media.rules.formats.header import ImageHeader
from media.rules.formats.reader import Reader, unpack
from media.rules.limits import MIB

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LONGEST_HEAD = 13


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
            frames = unpack(">I", head)[0]
        elif kind == b"fcTL":
            still_is_a_frame = True
        elif kind in {b"IDAT", b"IEND"}:
            break
    if not size[0] or not size[1]:
        raise FileCorruptError
    total = frames if still_is_a_frame or not frames else frames + 1
    return ImageHeader(width=size[0], height=size[1], frames=total or 1)


def require_complete(reader: Reader) -> None:
    """Walk every chunk to IEND and check every sum: a flipped bit in the pixels is found here."""
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
    reader.require_ended()


def _require_signature(reader: Reader) -> None:
    if reader.take(len(SIGNATURE)) != SIGNATURE:
        raise FileCorruptError


def _chunks(reader: Reader, *, checked: bool) -> Iterator[tuple[bytes, bytes]]:
    """Yield each chunk's kind and first bytes, its sum checked when asked."""
    while True:
        length, kind = unpack(">I4s", reader.take(8))
        if not kind.isalpha():
            raise FileCorruptError
        head = reader.take(min(length, _LONGEST_HEAD))
        if checked:
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
