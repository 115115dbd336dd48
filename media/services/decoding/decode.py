"""Full decoding of files in a bounded child process.

The limits of time are `DECODE_WALL_SECONDS` and `DECODE_CPU_SECONDS`
(sartiq/settings/environment.py), those of pixels are in media/rules/limits.py. What the child does
is in media/services/decoding/child/.
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import structlog
from django.conf import settings

from media.errors import (
    ContentError,
    DecodeLimitError,
    FileCorruptError,
    FileTruncatedError,
    ImageTooLargeError,
    ImageUndecodableError,
)
from media.rules.decode_costs import (
    PROGRAM_BYTES,
    DecodeCost,
    cost_of,
    cpu_seconds,
    wall_seconds,
)
from media.rules.file_types import content_types, image_header
from media.rules.file_types.image_ranges import differing_size, image_ranges
from media.rules.formats.avif import CodedSize
from media.rules.limits import MAX_THUMBNAIL_BYTES, THUMBNAIL_SIDE
from media.services.decoding import client
from sartiq.core import temporary_files

log = structlog.get_logger(__name__)

_FORMATS = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    "image/avif": "AVIF",
}
_FAULTS: dict[str, type[ContentError]] = {
    "limit": DecodeLimitError,
    "too_large": ImageTooLargeError,
    "truncated": FileTruncatedError,
    "undecodable": ImageUndecodableError,
    "crashed": ImageUndecodableError,
}


@dataclass(frozen=True, kw_only=True)
class MediaProperties:
    """The properties of a decoded file; None where its type has no such property."""

    width: int | None = None
    height: int | None = None
    frames: int | None = None
    dominant_color: str | None = None  # "#rrggbb"; None too when every pixel is transparent
    color_profile: str | None = None  # the description in its ICC profile
    duration: float | None = None  # seconds


def inspect_file(path: str | Path, content_type: str) -> MediaProperties:
    """Return the properties of a file of any accepted type."""
    resource_type = content_types.FILE_TYPES[content_type].resource_type
    if resource_type == content_types.IMAGE:
        return decode(path, content_type)
    if resource_type in {content_types.VIDEO, content_types.AUDIO}:
        return inspect_media(path)
    return MediaProperties()  # documents and archives are checked by structure only


def decode(path: str | Path, content_type: str) -> MediaProperties:
    """Decode every frame of an image in the bounded child.

    The header limits come first, so an image with too many pixels never reaches the child.
    """
    with Path(path).open("rb") as file:
        header = image_header.measure(file, content_type)
        image_header.require_within_limits(header)
        image_bytes, coded = _image_bytes(file, content_type)
    reply = _ask(
        path,
        "decode",
        cost=cost_of(content_type, header.width, header.height),
        pixels=header.pixels,
        format=_FORMATS[content_type],
        frames=header.frames,
        max_pixels=image_header.max_pixels(header.frames),
        **image_bytes,
    )
    properties = MediaProperties(**reply)
    size = (coded.width, coded.height) if coded else (header.width, header.height)
    if (properties.width, properties.height, properties.frames) != (*size, header.frames):
        raise ImageUndecodableError("The image has another size than its header declares.")
    return replace(properties, width=header.width, height=header.height)


def make_thumbnail(path: str | Path, content_type: str) -> bytes:
    """Return a small WebP of an image that `decode` accepted, encoded in the bounded child."""
    with Path(path).open("rb") as file:
        header = image_header.measure(file, content_type)
        image_bytes, _ = _image_bytes(file, content_type)
    with temporary_files.named_file() as target:
        _ask(
            path,
            "thumbnail",
            cost=cost_of(content_type, header.width, header.height),
            pixels=header.pixels,
            side=THUMBNAIL_SIDE,
            target=target.name,
            file_size=MAX_THUMBNAIL_BYTES,
            **image_bytes,
        )
        return Path(target.name).read_bytes()


def _image_bytes(file: BinaryIO, content_type: str) -> tuple[dict[str, Any], CodedSize | None]:
    """Return the byte ranges of the image (None for all), and its coded size if that differs."""
    ranges = image_ranges(file, content_type)
    is_whole = ranges == [(0, file.seek(0, os.SEEK_END))]
    coded = differing_size(file, content_type)
    return {"ranges": None if is_whole else ranges, "coded_size": coded}, coded


def inspect_media(path: str | Path) -> MediaProperties:
    """Return the duration and, for a video, the size of an MP4 or MP3."""
    try:
        reply = _ask(path, "inspect", cost=cost_of("", None, None))
    except ImageUndecodableError:
        raise FileCorruptError from None
    if not reply.pop("playable"):
        raise FileCorruptError("The file contains neither audio nor video.")
    return MediaProperties(**reply)


def _ask(
    path: str | Path, job: str, *, cost: DecodeCost, pixels: int = 0, **details: Any
) -> dict[str, Any]:
    reply = client.ask(
        {
            "job": job,
            "path": str(Path(path).resolve()),
            "wall_seconds": wall_seconds(settings.DECODE_WALL_SECONDS, pixels),
            "cpu_seconds": cpu_seconds(settings.DECODE_CPU_SECONDS, pixels),
            "address_space": PROGRAM_BYTES + cost.memory,
            **details,
        }
    )
    if "fault" in reply:
        log.info("file_not_decoded", fault=reply["fault"], reason=reply.get("why"))
        raise _FAULTS[reply["fault"]]
    return reply
