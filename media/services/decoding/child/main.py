"""The child process that decodes untrusted files.

A script that imports Pillow and libvips; `sartiq.core.sandbox.server` forks it once per file.
"""

import io
import struct
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pyvips
from PIL import Image, ImageCms, ImageFile

from media.services.decoding.child import libvips_decoder, thumbnail_encoder
from media.services.decoding.child.png_rows import require_every_row
from sartiq.core.sandbox import server
from sartiq.core.sandbox.server import Message

_SAMPLE_SIDE = 64  # the dominant colour is computed on at most 64 by 64 pixels
_OPAQUE = 128  # pixels with less alpha are left out
_BIN_SHIFT = 4  # 16 steps per channel
_MAX_DESCRIPTION_LENGTH = 200
_HIGH_DEPTH_MODES = ("I", "F")


def decode(request: Message) -> Message:
    """Decode every frame of an image; return its size, frames, colour and profile."""
    Image.MAX_IMAGE_PIXELS = request["max_pixels"]
    if request["format"] in libvips_decoder.LOADERS and request["frames"] == 1:
        return decode_still(request)
    with image_bytes(request) as file:
        if request["format"] == "PNG":
            require_every_row(file)
            file.seek(0)
        return decode_frames(file, request)


def decode_still(request: Message) -> Message:
    """Decode an image of one frame with libvips, which reports missing and damaged pixels."""
    with image_bytes(request) as file:
        data = file.read()
    sample = libvips_decoder.decode_strictly(data, request["format"], _SAMPLE_SIDE)
    if not isinstance(sample, Image.Image):
        return sample
    return {
        "width": sample.info["width"],
        "height": sample.info["height"],
        "frames": 1,
        "dominant_color": dominant_colour(sample),
        "color_profile": profile_description(sample.info["icc_profile"]),
    }


@contextmanager
def image_bytes(request: Message) -> Iterator[BinaryIO]:
    """Open the bytes of the image, without stray bytes and trailing data."""
    with Path(request["path"]).open("rb") as file:
        if request["ranges"] is None and request["coded_size"] is None:
            yield file
            return
        buffer = io.BytesIO()
        for start, end in request["ranges"] or [(0, None)]:
            file.seek(start)
            buffer.write(file.read(end and end - start))
        if request["coded_size"]:  # libheif accepts no ispe box that differs from the coded size
            offset, width, height = request["coded_size"]
            buffer.seek(offset)
            buffer.write(struct.pack(">II", width, height))
        buffer.seek(0)
        yield buffer


def decode_frames(file: BinaryIO, request: Message) -> Message:
    """Decode frame after frame, one in memory at a time."""
    with Image.open(file, formats=[request["format"]]) as image:
        frames = getattr(image, "n_frames", 1)
        image.load()
        colour = dominant_colour(image)
        profile = profile_description(image.info.get("icc_profile"))
        width, height = image.size
        for index in range(1, frames):
            if image.width * image.height * frames > request["max_pixels"]:
                return {"fault": "too_large"}
            image.seek(index)
            image.load()
            width, height = max(width, image.width), max(height, image.height)
    return {
        "width": width,
        "height": height,
        "frames": frames,
        "dominant_color": colour,
        "color_profile": profile,
    }


def dominant_colour(image: Image.Image) -> str | None:
    """Return the mean of the fullest of 4,096 colour bins, without the transparent pixels."""
    sample = image.convert("RGBA") if image.mode in {"P", "PA", "1"} else image
    side = max(image.size)
    small = sample.resize(
        tuple(max(1, length * _SAMPLE_SIDE // max(side, _SAMPLE_SIDE)) for length in image.size),
        Image.Resampling.NEAREST if image.mode[0] in _HIGH_DEPTH_MODES else Image.Resampling.BOX,
    )
    if small.mode[0] in _HIGH_DEPTH_MODES:
        small = small.convert("I").point(lambda value: value / 256).convert("L")
    bins: dict[tuple[int, int, int], list[tuple[int, int, int]]] = defaultdict(list)
    channels = iter(small.convert("RGBA").tobytes())
    for red, green, blue, alpha in zip(channels, channels, channels, channels, strict=True):
        if alpha >= _OPAQUE:
            key = (red >> _BIN_SHIFT, green >> _BIN_SHIFT, blue >> _BIN_SHIFT)
            bins[key].append((red, green, blue))
    if not bins:
        return None
    fullest = max(bins.values(), key=len)
    return "#" + "".join(
        f"{round(sum(channel) / len(fullest)):02x}" for channel in zip(*fullest, strict=True)
    )


def profile_description(icc: bytes | None) -> str | None:
    """Return the description of an embedded colour profile."""
    if not icc:
        return None
    try:
        name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(icc)))
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return None
    printable = "".join(character for character in name if character.isprintable()).strip()
    return printable[:_MAX_DESCRIPTION_LENGTH] or None


def thumbnail(request: Message) -> Message:
    """Write the thumbnail of an image that decoded without a fault."""
    with image_bytes(request) as file:
        data = file.read()
    return thumbnail_encoder.encode_thumbnail(data, request)


def inspect(request: Message) -> Message:
    """Return the duration in seconds and, for a video, its width and height."""
    from pymediainfo import MediaInfo  # noqa: PLC0415 - loads a large library that images do not need

    tracks = MediaInfo.parse(request["path"]).tracks
    first_by_kind = {track.track_type: track for track in reversed(tracks)}
    general, video = first_by_kind.get("General"), first_by_kind.get("Video")
    milliseconds = general.duration if general else None
    return {
        "duration": float(milliseconds) / 1000 if milliseconds else None,
        "width": video.width if video else None,
        "height": video.height if video else None,
        "playable": "Video" in first_by_kind or "Audio" in first_by_kind,
    }


JOBS = {"decode": decode, "inspect": inspect, "thumbnail": thumbnail}


def attempt(request: Message) -> Message:
    """Return the result of one job, or what is wrong with the file."""
    try:
        return JOBS[request["job"]](request)
    except MemoryError:
        return {"fault": "limit"}
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return {"fault": "too_large"}
    except Exception as error:  # noqa: BLE001 - decoders raise anything at all on hostile bytes
        truncated = isinstance(error, EOFError) or "truncated" in str(error).lower()
        return {"fault": "truncated" if truncated else "undecodable", "why": repr(error)[:200]}


def warm_up() -> None:
    """Import what every fork needs, once."""
    Image.init()
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    sys.modules["PIL.AvifImagePlugin"].DEFAULT_MAX_THREADS = 1  # type: ignore[attr-defined] # no stub
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    ImageCms.createProfile("sRGB")
    pyvips.cache_set_max(0)  # no operation is ever repeated


def main() -> None:
    """Serve requests until standard input ends."""
    server.ignore_interrupts()
    warm_up()
    server.serve(attempt)


if __name__ == "__main__":
    main()
