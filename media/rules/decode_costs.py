"""The estimated cost of decoding a file, from its type and pixel count.

The bytes per pixel are measured worst cases (`docs/design/decoding.md`): a progressive JPEG in
CMYK, a lossless WebP with alpha, an AVIF of 4:4:4 with alpha, an animation with its canvases.
"""

from dataclasses import dataclass
from math import ceil

from media.rules.limits import MEGAPIXEL, MIB

PROGRAM_BYTES = 1024 * MIB  # address space of the interpreter and its libraries, mostly unused
MAX_PARALLEL_PIXELS = 50 * MEGAPIXEL  # larger images are decoded one at a time
_BASE_BYTES = 64 * MIB
_BYTES_PER_PIXEL = {
    "image/jpeg": 13,
    "image/png": 9,
    "image/gif": 9,
    "image/webp": 19,
    "image/avif": 19,
}
_ANIMATED_BYTES_PER_PIXEL = 20
_MAX_LIGHT_PIXELS = 10 * MEGAPIXEL
_MAX_LIGHT_JPEG_PIXELS = 30 * MEGAPIXEL
_TIME_PIXELS = 50 * MEGAPIXEL  # the image size that the time limits in the settings are for
_MIN_TIME_SHARE = 0.2  # of that time limit, for the smallest file
ANIMATED = frozenset({"image/png", "image/gif", "image/webp", "image/avif"})


@dataclass(frozen=True, kw_only=True)
class DecodeCost:
    """The peak memory of a decode, and whether it is slow or among the largest."""

    memory: int
    is_slow: bool  # it may take seconds: one at a time for each owner
    is_largest: bool  # one at a time on a host


def cost_of(content_type: str, width: int | None, height: int | None) -> DecodeCost:
    """Return the cost of decoding an image of this size; other types cost little."""
    pixels = (width or 0) * (height or 0) if content_type in _BYTES_PER_PIXEL else 0
    memory = _BASE_BYTES + pixels * _BYTES_PER_PIXEL.get(content_type, 0)
    if (
        content_type in ANIMATED and pixels <= MAX_PARALLEL_PIXELS
    ):  # larger ones are stills: two frames exceed the limit
        memory = max(memory, _BASE_BYTES + pixels * _ANIMATED_BYTES_PER_PIXEL)
    return DecodeCost(
        memory=memory,
        is_slow=pixels > max_light_pixels(content_type),
        is_largest=pixels > MAX_PARALLEL_PIXELS,
    )


def max_light_pixels(content_type: str) -> int:
    """Return the pixel count up to which an image of this type decodes fast."""
    return _MAX_LIGHT_JPEG_PIXELS if content_type == "image/jpeg" else _MAX_LIGHT_PIXELS


def max_memory(max_pixels: int) -> int:
    """Return the memory of the most expensive image type at `max_pixels`."""
    return max(cost_of(content_type, max_pixels, 1).memory for content_type in _BYTES_PER_PIXEL)


def cpu_seconds(seconds: float, pixels: int) -> int:
    """Return the CPU limit for all frames, given the `seconds` for 50 megapixels."""
    return ceil(seconds * (_MIN_TIME_SHARE + pixels / _TIME_PIXELS))


def wall_seconds(seconds: float, pixels: int) -> float:
    """Return the wall-clock limit, at least `seconds` because the machine may be busy."""
    return seconds * (1 + pixels / _TIME_PIXELS)
