"""Strict decoding of JPEG and still AVIF with libvips: Pillow would fill in missing pixels.

libvips reports the warnings of libjpeg, and rejects an AVIF with a damaged frame. It decodes a
baseline JPEG in strips, so that its pixels are never in memory all at once.
"""

from typing import Any

import pyvips
from PIL import Image

from sartiq.core.sandbox.server import Message

LOADERS = {"JPEG": "jpegload_buffer", "AVIF": "heifload_buffer"}
_PROFILE = "icc-profile-data"
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}  # Pillow's mode by the number of channels
_OUT_OF_MEMORY = ("out of memory", "insufficient memory", "allocat")
_MISSING = ("premature end", "truncated", "unexpected end")
# Warnings of damaged pixels. Other warnings of libjpeg, such as stray bytes, are harmless.
_DAMAGE = ("bad huffman code", "bad arithmetic code", "instead of rst")


def decode_strictly(data: bytes, format_name: str, side: int) -> Message | Image.Image:
    """Return the image scaled down to at most `side` pixels, or the fault if it is damaged."""
    pyvips.vips_lib.vips_error_clear()
    try:
        image = getattr(pyvips.Image, LOADERS[format_name])(data, access="sequential")
        if image.bands not in _MODES:
            return {"fault": "undecodable", "why": f"{image.bands} channels"}
        sample = _sample(image, side)
    except pyvips.Error as error:
        return {"fault": _fault(str(error)) or "undecodable", "why": str(error)[:200]}
    warnings = pyvips.ffi.string(pyvips.vips_lib.vips_error_buffer()).decode(errors="replace")
    fault = _fault(warnings)
    if fault:
        return {"fault": fault, "why": warnings[:200]}
    sample.info.update(width=image.width, height=image.height, icc_profile=_profile(image))
    return sample


def _sample(image: Any, side: int) -> Image.Image:
    """Scale the image down by a whole number, which reads every pixel."""
    mode = "CMYK" if image.interpretation == "cmyk" else _MODES[image.bands]
    if image.format == "ushort":
        image = (image >> 8).cast("uchar")
    factor = max(1, -(-max(image.width, image.height) // side))
    small = image.shrink(factor, factor, ceil=True)
    return Image.frombytes(mode, (small.width, small.height), small.write_to_memory())


def _profile(image: Any) -> bytes | None:
    return image.get(_PROFILE) if image.get_typeof(_PROFILE) else None


def _fault(message: str) -> str | None:
    message = message.lower().replace("memory allocation error: security limit", "security limit")
    for fault, phrases in (
        ("limit", _OUT_OF_MEMORY),
        ("truncated", _MISSING),
        ("undecodable", _DAMAGE),
    ):
        if any(phrase in message for phrase in phrases):
            return fault
    return None
