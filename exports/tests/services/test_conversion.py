import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageCms, ImageOps, ImageStat

from exports.models import ImageFormat
from exports.services import conversion
from exports.services.conversion import Converted
from exports.tests.sample_images import (
    CORNER,
    GPS_MARKER,
    KINDS,
    SIZE,
    SRGB,
    STUDIO,
    XMP_MARKER,
    as_displayed,
    cmyk,
    difference,
    encoded,
    exif,
    grey_profile,
    opened,
    press_profile,
    scene,
    sixteen_bit_grey,
    sixteen_bit_rgb,
    transparent,
)

PRESS, GREY = press_profile(), grey_profile()
TARGETS = [ImageFormat.WEBP, ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.AVIF]
NAMES = {
    ImageFormat.WEBP: ("WEBP", "image/webp"),
    ImageFormat.JPEG: ("JPEG", "image/jpeg"),
    ImageFormat.PNG: ("PNG", "image/png"),
    ImageFormat.AVIF: ("AVIF", "image/avif"),
}
every_target = pytest.mark.parametrize("target", TARGETS)
every_kind = pytest.mark.parametrize("kind", list(KINDS))
Convert = Callable[[bytes, ImageFormat], tuple[Converted, bytes]]


@pytest.fixture
def convert(tmp_path: Path) -> Convert:
    """Return a function that converts bytes, and checks that it leaves no other file."""

    def run(content: bytes, target: ImageFormat) -> tuple[Converted, bytes]:
        source, image = tmp_path / "source", tmp_path / "target"
        source.write_bytes(content)
        converted = conversion.convert_image(source, image, image_format=target)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "target"]
        assert source.read_bytes() == content
        return converted, image.read_bytes()

    return run


# --- Every kind in every format ---------------------------------------------------------------
@every_target
@every_kind
def test_every_kind_is_converted_to_the_format(
    kind: str, target: ImageFormat, convert: Convert
) -> None:
    converted, body = convert(KINDS[kind](), target)

    image = opened(body)
    name, content_type = NAMES[target]
    assert (image.format, image.size, getattr(image, "n_frames", 1)) == (name, SIZE, 1)
    assert converted == Converted(
        size=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        content_type=content_type,
        width=SIZE[0],
        height=SIZE[1],
    )


@every_target
@every_kind
def test_every_kind_looks_the_same_after_conversion(
    kind: str, target: ImageFormat, convert: Convert
) -> None:
    source = KINDS[kind]()

    _, body = convert(source, target)

    # libvips converts CMYK by a profile, Pillow with simple arithmetic: the colours differ more.
    assert difference(as_displayed(body), as_displayed(source)) < (60 if kind == "cmyk jpeg" else 4)


@every_target
def test_the_same_source_gives_the_same_bytes(target: ImageFormat, convert: Convert) -> None:
    sources = {kind: make() for kind, make in KINDS.items()}

    first = {kind: convert(source, target) for kind, source in sources.items()}
    conversion.stop()  # so that another process converts them again
    second = {kind: convert(source, target) for kind, source in sources.items()}

    assert first == second


@every_target
@every_kind
def test_location_and_other_metadata_are_removed(
    kind: str, target: ImageFormat, convert: Convert
) -> None:
    _, body = convert(KINDS[kind](), target)

    image = opened(body)
    assert dict(image.getexif()) == {}
    assert {"xmp", "exif", "comment", "Comment", "XML:com.adobe.xmp"}.isdisjoint(image.info)
    for marker in (GPS_MARKER, XMP_MARKER, b"Exif\0\0", b"eXIf", b"xpacket"):
        assert marker not in body


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.endswith("a location")])
def test_the_samples_with_a_location_have_one(kind: str) -> None:
    source = KINDS[kind]()

    assert GPS_MARKER in source
    assert XMP_MARKER in source
    assert dict(opened(source).getexif().get_ifd(0x8825)) != {}


# --- Orientation ------------------------------------------------------------------------------
@every_target
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_are_rotated_by_the_orientation(
    orientation: int, kind: str, target: ImageFormat, convert: Convert
) -> None:
    source = encoded(scene(), kind, quality=95, exif=exif(orientation))
    upright = ImageOps.exif_transpose(opened(source))

    converted, body = convert(source, target)

    image = opened(body)
    assert image.size == (converted.width, converted.height) == upright.size
    assert image.getexif().get(0x0112) is None
    assert difference(image, upright) < 4


def test_the_sample_differs_in_each_orientation() -> None:
    rotations = {
        ImageOps.exif_transpose(opened(encoded(scene(), "PNG", exif=exif(orientation)))).tobytes()
        for orientation in range(1, 9)
    }

    assert len(rotations) == 8


# --- Colours ----------------------------------------------------------------------------------
@every_target
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith("rgb ")])
def test_the_colour_profile_is_preserved_exactly(
    kind: str, target: ImageFormat, convert: Convert
) -> None:
    source = KINDS[kind]()

    _, body = convert(source, target)

    assert opened(body).info.get("icc_profile") == opened(source).info.get("icc_profile")
    assert (STUDIO in source) or kind in {"rgb png", "rgb progressive jpeg"}


def test_the_studio_profile_differs_from_the_srgb_profile() -> None:
    assert STUDIO != SRGB
    assert opened(KINDS["rgb png"]()).info["icc_profile"] == STUDIO


@every_target
def test_an_invalid_or_mismatched_profile_is_dropped(target: ImageFormat, convert: Convert) -> None:
    for invalid_profile in (b"not a profile" * 20, PRESS, SRGB[:200]):
        _, body = convert(encoded(scene(), "PNG", icc_profile=invalid_profile), target)

        assert opened(body).info.get("icc_profile") is None
        assert difference(opened(body), scene()) < 4


@pytest.mark.parametrize("target", [ImageFormat.WEBP, ImageFormat.PNG, ImageFormat.AVIF])
@pytest.mark.parametrize("icc", [None, PRESS], ids=["no profile", "ink profile"])
def test_cmyk_becomes_srgb_through_its_profile(
    icc: bytes | None, target: ImageFormat, convert: Convert
) -> None:
    _, body = convert(cmyk(icc), target)

    image = opened(body)
    profile = image.info["icc_profile"]
    assert image.mode == "RGB"
    assert profile[16:20] == b"RGB "
    assert ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    red, _, blue = image.getpixel((5, 5))  # type: ignore[misc]  # three channels: a tuple
    assert red > 2 * blue


def test_cmyk_stays_cmyk_in_a_jpeg(convert: Convert) -> None:
    source = cmyk(PRESS)

    _, body = convert(source, ImageFormat.JPEG)

    image = opened(body)
    assert image.mode == "CMYK"
    assert image.info["icc_profile"] == PRESS
    assert difference(image, opened(source)) < 4


@pytest.mark.parametrize("target", [ImageFormat.WEBP, ImageFormat.AVIF])
def test_a_grey_image_converted_to_rgb_has_an_rgb_profile(
    target: ImageFormat, convert: Convert
) -> None:
    source = encoded(scene().convert("L"), "PNG", icc_profile=GREY)

    _, body = convert(source, target)

    assert opened(body).mode == "RGB"
    assert opened(body).info["icc_profile"][16:20] == b"RGB "
    assert difference(opened(body), as_displayed(source)) < 8


@pytest.mark.parametrize("target", [ImageFormat.JPEG, ImageFormat.PNG])
def test_grey_stays_grey_with_its_profile(target: ImageFormat, convert: Convert) -> None:
    _, body = convert(encoded(scene().convert("L"), "PNG", icc_profile=GREY), target)

    assert opened(body).mode == "L"
    assert opened(body).info["icc_profile"] == GREY


def test_a_png_preserves_sixteen_bits(convert: Convert) -> None:
    grey, colour = sixteen_bit_grey(), sixteen_bit_rgb()

    assert opened(convert(grey, ImageFormat.PNG)[1]).tobytes() == opened(grey).tobytes()
    depth_and_colours = convert(colour, ImageFormat.PNG)[1][24:26]  # of the PNG's header
    assert depth_and_colours == bytes((16, 2))


@pytest.mark.parametrize("kind", ["rgb png", "grey png", "one bit png", "palette png"])
def test_a_png_is_lossless(kind: str, convert: Convert) -> None:
    source = KINDS[kind]()

    _, body = convert(source, ImageFormat.PNG)

    assert difference(opened(body), opened(source)) == 0


# --- Transparency -----------------------------------------------------------------------------
@pytest.mark.parametrize("target", [ImageFormat.WEBP, ImageFormat.PNG, ImageFormat.AVIF])
@pytest.mark.parametrize(
    "kind", ["rgba png", "rgba webp", "rgba avif", "la png", "palette png with a hole"]
)
def test_transparency_is_preserved(kind: str, target: ImageFormat, convert: Convert) -> None:
    source = KINDS[kind]()
    before = opened(source).convert("RGBA").getchannel("A")

    _, body = convert(source, target)

    after = opened(body).convert("RGBA").getchannel("A")
    assert before.getextrema() == (0, 255)
    assert difference(after, before) < 1


def test_a_jpeg_of_a_transparent_image_has_a_white_background(convert: Convert) -> None:
    for source in (encoded(transparent(), "PNG"), KINDS["la png"]()):
        _, body = convert(source, ImageFormat.JPEG)

        right_quarter = opened(body).convert("RGB").crop((SIZE[0] * 3 // 4, 0, *SIZE))
        assert min(low for low, _ in right_quarter.getextrema()) >= 253  # type: ignore[misc]  # RGB


def test_half_transparent_pixels_are_mixed_with_white(convert: Convert) -> None:
    half_transparent = Image.new("RGBA", SIZE, (0, 0, 0, 128))

    _, body = convert(encoded(half_transparent, "PNG"), ImageFormat.JPEG)

    assert abs(ImageStat.Stat(opened(body).convert("L")).mean[0] - 127) < 2


# --- Animations -------------------------------------------------------------------------------
@every_target
@pytest.mark.parametrize("kind", ["moving gif", "moving webp", "moving avif"])
def test_the_first_frame_of_an_animation_is_exported(
    kind: str, target: ImageFormat, convert: Convert
) -> None:
    _, body = convert(KINDS[kind](), target)

    red, green, blue = opened(body).convert("RGB").getpixel((8, 8))  # type: ignore[misc]  # RGB
    assert max(abs(red - CORNER[0]), abs(green - CORNER[1]), abs(blue - CORNER[2])) < 12
