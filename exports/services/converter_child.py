"""The child process that converts images with libvips.

`sartiq.core.sandbox.server` forks it once per image, under limits. The pixels are processed in
strips where the format allows, so memory use does not depend on the image size.
"""

from pathlib import Path
from typing import Any

import pyvips

from exports.rules import declared_colours, jfif
from exports.rules.colour_profiles import ColourSpace, icc_profile
from sartiq.core.sandbox import server
from sartiq.core.sandbox.server import Message

PROFILE = "icc-profile-data"
EXIF_FIELDS = ("exif-ifd2-ColorSpace", "exif-ifd4-InteroperabilityIndex")
_PROFILE_SPACE = slice(16, 20)
_SPACES = {
    "b-w": "GRAY",
    "grey16": "GRAY",
    "srgb": "RGB ",
    "rgb": "RGB ",
    "rgb16": "RGB ",
    "cmyk": "CMYK",
}
_WHITE = 255
_OUT_OF_MEMORY = ("memory", "allocat")  # in messages of libvips and the codecs
# The messages for a file over its size limit, an image too large for the format, and aom's when it
# is out of memory.
_TOO_LARGE = (
    "file too large",
    "unable to encode",
    "partition",
    "dimension",
    "undefined aom error",
)


def convert(request: Message) -> Message:
    """Write the first frame of an image in another format; return the size it is written in."""
    image = rotate_upright(scale_to_declared(open_image(request), request["scale"]))
    if image.width * image.height > request["max_pixels"]:
        return {"fault": "too_large"}
    if not request["supports_sixteen_bits"]:
        image = reduce_to_eight_bits(image)
    image = convert_colours(attach_declared_profile(image, request), request["spaces"])
    if image.hasalpha() and not request["supports_alpha"]:
        image = image.flatten(background=_WHITE)
    save(image, request)
    return {"width": image.width, "height": image.height}


def save(image: Any, request: Message) -> None:
    """Write the image; a JPEG gets the JFIF segment that libvips leaves out."""
    options = {"keep": pyvips.ForeignKeep.ICC, **request["options"]}
    if request["saver"] != "jpegsave":
        getattr(image, request["saver"])(request["target"], **options)
        return
    with Path(request["target"]).open("wb") as file:
        segment = jfif.segment(dots_per_mm=(image.xres, image.yres))
        target = pyvips.TargetCustom()
        target.on_write(jfif.SegmentInserter(file, segment).write)
        image.jpegsave_target(target, **options)


def open_image(request: Message) -> Any:
    """Open the first frame with the loader of its format; reading a damaged image fails."""
    load = getattr(pyvips.Image, request["loader"])
    return load(request["path"], access="sequential", fail_on="error")


def scale_to_declared(image: Any, scale: list[float] | None) -> Any:
    """Scale an image to the size its container declares; `scale` is None if it has that size."""
    return image.resize(scale[0], vscale=scale[1]) if scale else image


def rotate_upright(image: Any) -> Any:
    """Rotate the pixels by the orientation tag and remove the tag."""
    if image.get_typeof("orientation") and image.get("orientation") > 1:
        image = image.copy_memory()  # a rotation reads the rows in another order
    return image.autorot()


def reduce_to_eight_bits(image: Any) -> Any:
    """Reduce 16 bits per channel to eight."""
    eight_bit_space = {"rgb16": "srgb", "grey16": "b-w"}.get(image.interpretation)
    return image.colourspace(eight_bit_space) if eight_bit_space else image


def attach_declared_profile(image: Any, request: Message) -> Any:
    """Attach a profile for the colour space that the file declares without one."""
    space, overrides = None, False
    with Path(request["path"]).open("rb") as file:
        if request["loader"] == "pngload":
            space, overrides = declared_colours.png_space(file)
        elif request["loader"] == "heifload":
            space = declared_colours.avif_space(file)
    if image.get_typeof(PROFILE) and not overrides:
        return image
    if space is None and not overrides:
        space = declared_colours.exif_space(*(_text(image, name) for name in EXIF_FIELDS))
    return image if space is None and not overrides else _set_profile(image, space)


def _set_profile(image: Any, space: ColourSpace | None) -> Any:
    """Set the profile of a colour space; None is sRGB, which needs none."""
    image = image.copy()
    if image.get_typeof(PROFILE):
        image.remove(PROFILE)
    if space is not None:
        grey = _SPACES.get(image.interpretation) == "GRAY"
        image.set_type(pyvips.GValue.blob_type, PROFILE, icc_profile(space, grey=grey))
    return image


def _text(image: Any, name: str) -> str:
    return str(image.get(name)) if image.get_typeof(name) else ""


def convert_colours(image: Any, spaces: list[str]) -> Any:
    """Return the image in sRGB, unless the format supports its own colour space."""
    space = _SPACES[image.interpretation]
    if image.get_typeof(PROFILE) and not has_valid_profile(image, space):
        image = image.copy()
        image.remove(PROFILE)
    if space in spaces:
        return image
    if space == "CMYK" or image.get_typeof(PROFILE):
        # CMYK without a profile is converted with libvips' default press profile.
        options = {"embedded": True} if image.get_typeof(PROFILE) else {"input_profile": "cmyk"}
        return image.icc_transform("srgb", black_point_compensation=True, **options)
    return image.colourspace("srgb" if image.format == "uchar" else "rgb16")


def has_valid_profile(image: Any, space: str) -> bool:
    """Return whether the profile is valid and matches the pixels' colour model."""
    if image.get(PROFILE)[_PROFILE_SPACE] != space.encode():
        return False
    try:
        image.icc_import(embedded=True)  # reads no pixels
    except pyvips.Error:
        return False
    return True


def attempt(request: Message) -> Message:
    """Convert an image; return the kind of failure if it cannot be converted."""
    try:
        return convert(request)
    except pyvips.Error as error:
        return {"fault": failure_kind(request, str(error)), "why": str(error)[:500]}


def failure_kind(request: Message, why: str) -> str:
    """Return the kind of failure: a limit, an undecodable source or an unwritable image."""
    message = why.lower()
    if any(word in message for word in _OUT_OF_MEMORY):
        return "too_large_for_format"
    try:
        open_image(request).avg()
    except pyvips.Error:
        return "unreadable"
    return "too_large_for_format" if any(word in message for word in _TOO_LARGE) else "failed"


def main() -> None:
    """Serve requests until standard input ends."""
    server.ignore_interrupts()
    pyvips.cache_set_max(0)  # no operation is ever repeated
    server.serve(attempt)


if __name__ == "__main__":
    main()
