"""Size of an image from its header, and the size limits."""

from collections.abc import Callable
from typing import BinaryIO

from media.errors import ImageTooLargeError
from media.rules.formats import avif, gif, jpeg, png, webp
from media.rules.formats.header import ImageHeader
from media.rules.formats.reader import Reader
from media.rules.limits import (
    MAX_ANIMATION_PIXELS,
    MAX_FRAMES,
    MAX_PIXELS,
    MAX_SIDE,
    MEGAPIXEL,
)

__all__ = ["ImageHeader", "max_pixels", "measure", "require_within_limits"]

_MEASURES: dict[str, Callable[[Reader], ImageHeader]] = {
    "image/jpeg": jpeg.measure,
    "image/png": png.measure,
    "image/gif": gif.measure,
    "image/webp": webp.measure,
    "image/avif": avif.measure,
}


def measure(file: BinaryIO, content_type: str) -> ImageHeader:
    """Return width, height and frames from the headers of one of the five image types.

    The size is the stored one, before a rotation by the EXIF orientation.
    """
    return _MEASURES[content_type](Reader(file))


def max_pixels(frames: int) -> int:
    """Return the pixel limit over all frames for this number of frames."""
    return MAX_PIXELS if frames == 1 else MAX_ANIMATION_PIXELS


def require_within_limits(header: ImageHeader) -> None:
    """Reject an image with too long a side, too many frames or too many pixels in all."""
    side = max(header.width, header.height)
    if side > MAX_SIDE:
        raise _too_large(
            header, f"a side of {side} pixels; {MAX_SIDE} are allowed", "side", MAX_SIDE
        )
    if header.frames > MAX_FRAMES:
        raise _too_large(header, f"more than {MAX_FRAMES} frames", "frames", MAX_FRAMES)
    limit = max_pixels(header.frames)
    if header.pixels > limit:
        problem = f"{header.pixels} pixels in total; {limit // MEGAPIXEL} million are allowed"
        raise _too_large(header, problem, "pixels", limit)


def _too_large(
    header: ImageHeader, problem: str, limit_name: str, limit: int
) -> ImageTooLargeError:
    size = {"width": header.width, "height": header.height, "frames": header.frames}
    return ImageTooLargeError(
        f"The image has {problem}. Make it smaller and upload it again.",
        ctx={**size, "exceeded": limit_name, "limit": limit},
    )
