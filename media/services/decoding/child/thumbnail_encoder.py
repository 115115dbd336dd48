"""Thumbnail encoding with libvips, in the decoder child.

The size is `THUMBNAIL_SIDE` (media/rules/limits.py).
"""

from pathlib import Path
from typing import Any

import pyvips

from sartiq.core.sandbox.server import Message

_QUALITY = 80


def encode_thumbnail(data: bytes, request: Message) -> Message:
    """Write the first frame upright, in sRGB, with its transparency, no side longer than `side`."""
    image = _reduce(data, request["side"])
    if image.interpretation != "srgb":
        image = image.colourspace("srgb")
    encoded = image.webpsave_buffer(Q=_QUALITY, keep=pyvips.ForeignKeep.NONE)
    Path(request["target"]).write_bytes(encoded)
    return {"width": image.width, "height": image.height}


def _reduce(data: bytes, side: int) -> Any:
    """Return the reduced image; the loader decodes no more detail than needed."""
    options = {"height": side, "size": "down"}
    try:
        image = pyvips.Image.thumbnail_buffer(data, side, export_profile="srgb", **options)
        return image.copy_memory()
    except pyvips.Error:  # an invalid ICC profile: treat the colours as sRGB
        return pyvips.Image.thumbnail_buffer(data, side, no_rotate=False, **options)
