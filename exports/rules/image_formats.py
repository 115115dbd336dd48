"""The encoding of each export format.

`docs/design/image-conversion.md` has the measurements behind the efforts.
"""

from dataclasses import dataclass
from math import ceil
from typing import Any, Final

from media.rules.limits import GIB, MEGAPIXEL, MIB

QUALITY: Final = 90
WEBP_EFFORT: Final = 2  # below 2, 50 megapixels of texture overflow a partition of VP8
AVIF_EFFORT: Final = 0  # the fastest: aom's speed 9
PNG_COMPRESSION: Final = 3

# Limits of one conversion in the child process, from measurements in
# `docs/design/image-conversion.md`: AVIF of an image with alpha takes the most. The seconds are for
# up to 60 megapixels; larger images get more in proportion.
WALL_SECONDS: Final = 120
CPU_SECONDS: Final = 60
ADDRESS_SPACE: Final = 8 * GIB
_PROGRAM_BYTES: Final = GIB  # of address space, mostly unused
_BYTES_PER_PIXEL: Final = 56
_TIME_PIXELS: Final = 60 * MEGAPIXEL
MAX_OUTPUT_BYTES: Final = 512 * MIB

RGB: Final = "RGB "  # colour spaces by their signatures in ICC profiles
GREY: Final = "GRAY"
CMYK: Final = "CMYK"


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """One export format: its names, its encoder, and the pixels it supports."""

    content_type: str
    extension: str
    saver: str
    options: dict[str, Any]
    spaces: tuple[str, ...] = (RGB,)
    supports_alpha: bool = True
    supports_sixteen_bits: bool = False


ENCODINGS: Final[dict[str, Encoding]] = {
    "WEBP": Encoding(
        content_type="image/webp",
        extension="webp",
        saver="webpsave",
        options={"Q": QUALITY, "effort": WEBP_EFFORT},
    ),
    "JPEG": Encoding(
        content_type="image/jpeg",
        extension="jpg",
        saver="jpegsave",
        # Explicit, because from quality 90 on libvips would not subsample the chroma.
        options={"Q": QUALITY, "subsample_mode": "on"},
        spaces=(RGB, GREY, CMYK),
        supports_alpha=False,
    ),
    "PNG": Encoding(
        content_type="image/png",
        extension="png",
        saver="pngsave",
        options={"compression": PNG_COMPRESSION, "filter": "all"},
        spaces=(RGB, GREY),
        supports_sixteen_bits=True,
    ),
    "AVIF": Encoding(
        content_type="image/avif",
        extension="avif",
        saver="heifsave",
        options={
            "Q": QUALITY,
            "effort": AVIF_EFFORT,
            "compression": "av1",
            "bitdepth": 8,
            "subsample_mode": "on",
        },
    ),
}
LOADERS: Final = {
    "image/jpeg": "jpegload",
    "image/png": "pngload",
    "image/webp": "webpload",
    "image/gif": "gifload",
    "image/avif": "heifload",
}


def address_space(pixels: int) -> int:
    """Return the bytes of address space allowed for converting this number of pixels."""
    return min(ADDRESS_SPACE, _PROGRAM_BYTES + _BYTES_PER_PIXEL * pixels)


def cpu_seconds(pixels: int) -> int:
    """Return the CPU time allowed for converting this number of pixels."""
    return ceil(CPU_SECONDS * max(1, pixels / _TIME_PIXELS))


def wall_seconds(pixels: int) -> float:
    """Return the wall-clock time allowed for converting this number of pixels."""
    return WALL_SECONDS * max(1, pixels / _TIME_PIXELS)
