"""The size of the pictures in an AV1 stream, from its sequence header (AV1, 5.5.1)."""

from media.errors import FileCorruptError
from media.rules.formats.reader import unpack

_SEQUENCE_HEADER = 1
_MAX_LEVEL_WITHOUT_TIER = 7
_LOOKED_AT = 128  # bytes of a sequence header; the size stands in the first few


class _Bits:
    """A cursor over single bits; zeros follow the end."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data.ljust(_LOOKED_AT, b"\0"), "big")
        self._left = 8 * max(len(data), _LOOKED_AT)

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise FileCorruptError
        return self._value >> self._left & (1 << count) - 1


def coded_size(stream: bytes) -> tuple[int, int] | None:
    """Return the width and height of the pictures in a stream, None where it does not say."""
    at = 0
    while at + 2 <= len(stream):
        kind, extended, sized = stream[at] >> 3 & 15, stream[at] & 4, stream[at] & 2
        if not sized:
            return None
        length, at = _leb128(stream, at + (2 if extended else 1))
        if kind == _SEQUENCE_HEADER:
            return _size(_Bits(stream[at : at + min(length, _LOOKED_AT)]))
        at += length
    return None


def _leb128(stream: bytes, at: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, and where it ends."""
    value = 0
    for shift in range(0, 56, 7):
        byte = unpack("B", stream, at)[0]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            break
    return value, at


def _size(bits: _Bits) -> tuple[int, int] | None:
    bits.take(4)  # profile, still picture
    if bits.take(1):  # reduced header of a still picture
        bits.take(5)
    elif bits.take(1):  # timing of a video
        return None
    else:
        _skip_operating_points(bits)
    width_bits, height_bits = bits.take(4) + 1, bits.take(4) + 1
    return bits.take(width_bits) + 1, bits.take(height_bits) + 1


def _skip_operating_points(bits: _Bits) -> None:
    has_delays = bits.take(1)
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > _MAX_LEVEL_WITHOUT_TIER:
            bits.take(1)
        if has_delays and bits.take(1):
            bits.take(4)
