"""The JFIF segment of a JPEG, from which layout programs read the print size."""

import struct
from typing import BinaryIO, Final

MM_PER_INCH: Final = 25.4
DEFAULT_DPI: Final = 72
UNKNOWN_DENSITY: Final = 1.0  # dots per mm; libvips returns it for a file without a density
MAX_DPI: Final = 65_535
_START_OF_IMAGE: Final = b"\xff\xd8"
_DOTS_PER_INCH: Final = 1


def segment(*, dots_per_mm: tuple[float, float]) -> bytes:
    """Return an APP0 segment (JFIF 1.01, ITU-T T.871) with the density in whole dots per inch."""
    across, down = (_dpi(density) for density in dots_per_mm)
    return struct.pack(
        ">HH5sHBHHBB", 0xFFE0, 16, b"JFIF\0", 0x0101, _DOTS_PER_INCH, across, down, 0, 0
    )


class SegmentInserter:
    """Write a JPEG that arrives in pieces, with a segment added after its first marker."""

    def __init__(self, file: BinaryIO, added: bytes) -> None:
        self._file = file
        self._added = added
        self._start = b""

    def write(self, data: bytes) -> int:
        """Write the next piece; return its length."""
        if not self._added:
            self._file.write(data)
            return len(data)
        self._start += data
        if len(self._start) >= len(_START_OF_IMAGE):
            rest = self._start.removeprefix(_START_OF_IMAGE)
            self._file.write(_START_OF_IMAGE + self._added + rest)
            self._added = self._start = b""
        return len(data)


def _dpi(dots_per_mm: float) -> int:
    dpi = round(dots_per_mm * MM_PER_INCH)
    is_known = dots_per_mm != UNKNOWN_DENSITY and 1 <= dpi <= MAX_DPI
    return dpi if is_known else DEFAULT_DPI
