"""Check that the frames of a PNG have all their rows: Pillow fills missing ones with black."""

import struct
import zlib
from collections.abc import Iterator
from math import ceil
from typing import BinaryIO, NamedTuple

_SIGNATURE_BYTES = 8  # before the first chunk
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by PNG colour type
_READ_BYTES = 1024 * 1024  # at once
_SEQUENCE_NUMBER_BYTES = 4  # bytes before the pixels of an `fdAT`


class _Pass(NamedTuple):
    """The pixels that one pass over an image stores: from a first column and row on, in steps."""

    first_column: int
    first_row: int
    column_step: int
    row_step: int


_NOT_INTERLACED = (_Pass(0, 0, 1, 1),)
_ADAM7 = (  # the interlacing of PNG
    _Pass(0, 0, 8, 8),
    _Pass(4, 0, 8, 8),
    _Pass(0, 4, 4, 8),
    _Pass(2, 0, 4, 4),
    _Pass(0, 2, 2, 4),
    _Pass(1, 0, 2, 2),
    _Pass(0, 1, 1, 2),
)


class _Frame:
    """Counts the bytes that the rows of one frame still need."""

    def __init__(self, width: int, height: int, *, bits: int, interlaced: bool) -> None:
        self._missing = sum(
            rows * (1 + ceil(columns * bits / 8))  # one byte names the filter of the row
            for a_pass in (_ADAM7 if interlaced else _NOT_INTERLACED)
            if (columns := ceil((width - a_pass.first_column) / a_pass.column_step)) > 0
            if (rows := ceil((height - a_pass.first_row) / a_pass.row_step)) > 0
        )
        self._inflate = zlib.decompressobj()

    def add(self, data: bytes) -> None:
        while data and self._missing > 0:
            self._missing -= len(self._inflate.decompress(data, _READ_BYTES))
            data = self._inflate.unconsumed_tail

    def require_complete(self) -> None:
        if self._missing > 0:
            self._missing -= len(self._inflate.flush())
        if self._missing > 0:
            raise EOFError


def require_every_row(file: BinaryIO) -> None:
    """Raise EOFError when the pixels of a PNG end early; its chunks have been checked before."""
    bits, interlaced = 0, False
    size = (0, 0)
    frame: _Frame | None = None
    for kind, data in _chunk_parts(file):
        if kind == b"IHDR":
            width, height, depth, colour, interlaced = struct.unpack(">IIBBxxB", data)
            size = (width, height)
            bits = depth * _CHANNELS[colour]
        elif kind == b"fcTL":
            width, height = struct.unpack_from(">II", data, 4)
            size = (width, height)
        if frame and kind in {b"fcTL", b"IEND"}:
            frame.require_complete()
            frame = None
        elif kind in {b"IDAT", b"fdAT"}:
            frame = frame or _Frame(*size, bits=bits, interlaced=bool(interlaced))
            frame.add(data)


def _chunk_parts(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Yield the type and the data of each chunk, in parts of at most 1 MiB."""
    file.seek(_SIGNATURE_BYTES)
    while head := file.read(8):
        length, kind = struct.unpack(">I4s", head)
        next_chunk = file.tell() + length + 4  # after the checksum
        if kind == b"fdAT":
            file.seek(_SEQUENCE_NUMBER_BYTES, 1)
            length -= _SEQUENCE_NUMBER_BYTES
        while length > 0 and (part := file.read(min(length, _READ_BYTES))):
            length -= len(part)
            yield kind, part
        if kind == b"IEND":
            yield kind, b""
        file.seek(next_chunk)
