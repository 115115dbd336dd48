"""The colour space that a file declares by numbers instead of an ICC profile.

PNG: `cICP` before an embedded profile, then `gAMA` and `cHRM` (PNG third edition, 4.3). AVIF: the
`nclx` form of `colr` (ISO/IEC 23008-12). EXIF is read by libvips; see `exif_space`.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from exports.rules.colour_profiles import (
    ADOBE_RGB,
    SRGB,
    Chromaticities,
    ColourSpace,
    power,
    space_from_cicp,
)
from media.errors import ContentError
from media.rules.formats import avif
from media.rules.formats.png import SIGNATURE
from media.rules.formats.reader import Reader, unpack

_MAX_CHUNKS: Final = 10_000
_MAX_CHUNK_BYTES: Final = 32  # cHRM, the largest
_SCALE: Final = 100_000  # PNG stores gamma and chromaticities as integers of this unit
_SRGB_GAMMA: Final = (44_000, 47_000)  # programs write one of these for sRGB pixels
_TOLERANCE: Final = 0.002  # chromaticities as near as this to sRGB's count as sRGB
_UNCALIBRATED: Final = 0xFFFF
_ADOBE_RGB: Final = 2  # not in the standard, but written by cameras
_LEADING_NUMBER: Final = re.compile(r"\d+")


def png_space(file: BinaryIO) -> tuple[ColourSpace | None, bool]:
    """Return the declared space of a PNG, and whether it overrides an embedded profile."""
    chunks = dict(_colour_chunks(Reader(file)))
    if b"cICP" in chunks:
        primaries, transfer = unpack(">BB", chunks[b"cICP"])
        return space_from_cicp(primaries, transfer), True
    if b"gAMA" not in chunks or b"sRGB" in chunks:
        return None, False
    return _measured(unpack(">I", chunks[b"gAMA"])[0], chunks.get(b"cHRM")), False


def avif_space(file: BinaryIO) -> ColourSpace | None:
    """Return the declared space of an AVIF's primary image, None without one."""
    try:
        codes = avif.colour_codes(Reader(file))
    except ContentError:
        return None
    return space_from_cicp(*codes) if codes else None


def exif_space(colour_space: str, interoperability: str) -> ColourSpace | None:
    """Return Adobe RGB where EXIF says so (DCF 2.0: uncalibrated, with `R03`), else None.

    Both are texts as libvips returns them: `65535 (…)`, `R03 (…)`.
    """
    number = _LEADING_NUMBER.match(colour_space)
    code = int(number[0]) if number else 0
    by_dcf = code == _UNCALIBRATED and interoperability.startswith("R03")
    return ADOBE_RGB if by_dcf or code == _ADOBE_RGB else None


def _colour_chunks(reader: Reader) -> Iterator[tuple[bytes, bytes]]:
    """Yield the colour chunks before the pixels."""
    reader.skip(len(SIGNATURE))
    for _ in range(_MAX_CHUNKS):
        length, kind = unpack(">I4s", reader.take(8))
        if kind in {b"IDAT", b"IEND"}:
            return
        if kind in {b"cICP", b"gAMA", b"cHRM", b"sRGB"} and length <= _MAX_CHUNK_BYTES:
            yield kind, reader.take(length)
            reader.skip(4)
        else:
            reader.skip(length + 4)


def _measured(gamma: int, chromaticities: bytes | None) -> ColourSpace | None:
    """Return the space of `gAMA` and `cHRM`; None for sRGB and for meaningless values."""
    primaries = SRGB
    if chromaticities is not None:
        white, red, green, blue = (
            (x / _SCALE, y / _SCALE)
            for x, y in zip(*[iter(unpack(">8I", chromaticities))] * 2, strict=True)
        )
        if not all(y for _, y in (white, red, green, blue)):
            return None
        primaries = Chromaticities(red=red, green=green, blue=blue, white=white)
    is_srgb = _is_near(primaries, SRGB)
    low, high = _SRGB_GAMMA
    if not gamma or (is_srgb and low <= gamma <= high):
        return None
    return ColourSpace(
        primaries=SRGB if is_srgb else primaries,
        curve=power(_SCALE / gamma),
    )


def _is_near(primaries: Chromaticities, other: Chromaticities) -> bool:
    pairs = zip(vars(primaries).values(), vars(other).values(), strict=True)
    return all(
        abs(a - b) <= _TOLERANCE
        for point, other_point in pairs
        for a, b in zip(point, other_point, strict=True)
    )
