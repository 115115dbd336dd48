"""The image size in an AV1 stream, from its sequence header (AV1, 5.5.1)."""

from media.errors import FileCorruptError
from media.rules.formats.reader import unpack

_SEQUENCE_HEADER = 1
_MAX_LEVEL_WITHOUT_TIER = 7
_MAX_HEADER_BYTES = 128  # the size is in the first few bytes of a sequence header


class _Bits:
    """A cursor over single bits; zeros follow the end of the data."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data.ljust(_MAX_HEADER_BYTES, b"\0"), "big")
        self._remaining_bits = 8 * max(len(data), _MAX_HEADER_BYTES)

    def take(self, count: int) -> int:
        self._remaining_bits -= count
        if self._remaining_bits < 0:
            raise FileCorruptError
        return self._value >> self._remaining_bits & (1 << count) - 1


def coded_size(stream: bytes) -> tuple[int, int] | None:
    """Return the width and height of the images in a stream, None if it does not declare them."""
    at = 0
    while at + 2 <= len(stream):
        kind, extended, has_size = stream[at] >> 3 & 15, stream[at] & 4, stream[at] & 2
        if not has_size:
            return None
        length, at = _leb128(stream, at + (2 if extended else 1))
        if kind == _SEQUENCE_HEADER:
            return _size(_Bits(stream[at : at + min(length, _MAX_HEADER_BYTES)]))
        at += length
    return None


def _leb128(stream: bytes, at: int) -> tuple[int, int]:
    """Return a LEB128 number (seven bits per byte), and the offset after it."""
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
