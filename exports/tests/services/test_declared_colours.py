"""Images that declare their colours by numbers are exported with the same colours."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from exports.models import ImageFormat
from exports.rules.declared_colours import png_space
from exports.services import conversion
from exports.tests.sample_images import STUDIO, encoded

STORED = (60, 200, 90)
ADOBE, DISPLAY_P3 = (0, 201, 80), (0, 203, 73)  # the same pixels as sRGB
TARGETS = [ImageFormat.WEBP, ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.AVIF]
SRGB = ImageCms.createProfile("sRGB")
PRIMARIES_OF_P3 = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
PRIMARIES_OF_SRGB = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
DisplayedColour = Callable[[bytes, ImageFormat], tuple[int, int, int]]


def plain(colour: tuple[int, int, int] = STORED) -> Image.Image:
    return Image.new("RGB", (64, 48), colour)


def png_with(*chunks: tuple[bytes, bytes], image: Image.Image | None = None) -> bytes:
    """Return a PNG with chunks added after its header."""
    content = encoded(image or plain(), "PNG")
    added = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    return content[:33] + added + content[33:]


def chromaticities(values: tuple[int, ...]) -> tuple[bytes, bytes]:
    return b"cHRM", struct.pack(">8I", *values)


def gamma(value: int) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", value)


def exif_colours(space: int, interoperability: str | None) -> bytes:
    tags = Image.Exif()
    ifd = tags.get_ifd(0x8769)
    ifd[0xA001] = space
    if interoperability:
        ifd[0xA005] = {1: interoperability}
    return tags.tobytes()


def avif_with_codes(primaries: int, transfer: int) -> bytes:
    """Return an AVIF whose `nclx` codes are replaced; its pixels stay."""
    content = encoded(plain(), "AVIF", quality=100, subsampling="4:4:4")
    offset = content.index(b"nclx") + 4
    return content[:offset] + struct.pack(">HH", primaries, transfer) + content[offset + 4 :]


@pytest.fixture
def displayed_colour(tmp_path: Path) -> DisplayedColour:
    """Return a function that converts an image and returns the colour that viewers show."""

    def convert(content: bytes, target: ImageFormat) -> tuple[int, int, int]:
        source, target_path = tmp_path / "source", tmp_path / "target"
        source.write_bytes(content)
        conversion.convert_image(source, target_path, image_format=target)
        image: Image.Image = Image.open(target_path)
        image.load()
        icc = image.info.get("icc_profile")
        if image.mode not in {"RGB", "L"}:
            image = image.convert("RGB")
        if icc:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            converted = ImageCms.profileToProfile(
                image, profile, SRGB, ImageCms.Intent.RELATIVE_COLORIMETRIC, outputMode="RGB"
            )
            assert converted is not None
            image = converted
        colour = image.convert("RGB").getpixel((30, 20))
        assert isinstance(colour, tuple)
        return colour[0], colour[1], colour[2]

    return convert


SOURCES: dict[str, tuple[bytes, tuple[int, int, int]]] = {
    "jpeg, EXIF uncalibrated with R03": (
        encoded(plain(), "JPEG", quality=100, subsampling=0, exif=exif_colours(0xFFFF, "R03")),
        ADOBE,
    ),
    "jpeg, EXIF code of Adobe RGB": (
        encoded(plain(), "JPEG", quality=100, subsampling=0, exif=exif_colours(2, None)),
        ADOBE,
    ),
    "webp, EXIF uncalibrated with R03": (
        encoded(plain(), "WEBP", lossless=True, exif=exif_colours(0xFFFF, "R03")),
        ADOBE,
    ),
    "png, EXIF uncalibrated with R03": (
        encoded(plain(), "PNG", exif=exif_colours(0xFFFF, "R03")),
        ADOBE,
    ),
    "jpeg, EXIF sRGB": (
        encoded(plain(), "JPEG", quality=100, subsampling=0, exif=exif_colours(1, "R98")),
        STORED,
    ),
    "jpeg, EXIF uncalibrated without more": (
        encoded(plain(), "JPEG", quality=100, subsampling=0, exif=exif_colours(0xFFFF, None)),
        STORED,
    ),
    "png, cICP of Display P3": (png_with((b"cICP", bytes((12, 13, 0, 1)))), DISPLAY_P3),
    "png, cICP of sRGB": (png_with((b"cICP", bytes((1, 13, 0, 1)))), STORED),
    "png, cICP not specified": (png_with((b"cICP", bytes((2, 2, 0, 1)))), STORED),
    "png, cICP of linear light": (
        png_with((b"cICP", bytes((1, 8, 0, 1))), image=plain((55, 55, 55))),
        (128, 128, 128),
    ),
    "png, cICP of HDR at its reference white": (
        png_with((b"cICP", bytes((9, 16, 0, 1))), image=plain((148, 148, 148))),
        (255, 255, 255),
    ),
    "png, gamma and chromaticities of P3": (
        png_with(gamma(45455), chromaticities(PRIMARIES_OF_P3)),
        (0, 203, 73),
    ),
    "png, gamma and chromaticities of sRGB": (
        png_with(gamma(45455), chromaticities(PRIMARIES_OF_SRGB)),
        STORED,
    ),
    "png, gamma of linear light": (
        png_with(gamma(100_000), image=plain((55, 55, 55))),
        (128, 128, 128),
    ),
    "grey png, gamma of linear light": (
        png_with(gamma(100_000), image=Image.new("L", (64, 48), 55)),
        (128, 128, 128),
    ),
    "png, gamma zero": (png_with(gamma(0)), STORED),
    "png, chromaticities without light": (png_with(gamma(45455), chromaticities((0,) * 8)), STORED),
    "png, sRGB chunk above a gamma": (png_with((b"sRGB", b"\0"), gamma(100_000)), STORED),
    "avif, nclx of Display P3": (avif_with_codes(12, 13), DISPLAY_P3),
    "avif, nclx of sRGB": (avif_with_codes(1, 13), STORED),
    "avif, nclx with unknown codes": (avif_with_codes(99, 99), STORED),
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("kind", list(SOURCES))
def test_declared_colours_are_preserved(
    kind: str, target: ImageFormat, displayed_colour: DisplayedColour
) -> None:
    source, expected = SOURCES[kind]

    colour = displayed_colour(source, target)

    assert max(abs(a - b) for a, b in zip(colour, expected, strict=True)) <= 4, colour


@pytest.mark.parametrize(
    ("value", "is_srgb"), [(43_999, False), (44_000, True), (47_000, True), (47_001, False)]
)
def test_a_gamma_near_that_of_srgb_means_srgb(value: int, *, is_srgb: bool) -> None:
    space, _ = png_space(io.BytesIO(png_with(gamma(value))))

    assert (space is None) == is_srgb


def test_an_embedded_profile_overrides_gamma_and_exif_but_not_cicp(
    tmp_path: Path,
) -> None:
    profiled = encoded(plain(), "PNG", icc_profile=STUDIO, exif=exif_colours(0xFFFF, "R03"))
    cicp = b"cICP" + bytes((12, 13, 0, 1))
    chunk = struct.pack(">I", 4) + cicp + struct.pack(">I", zlib.crc32(cicp))

    profiles = []
    for content in (profiled, profiled[:33] + chunk + profiled[33:]):
        (tmp_path / "source").write_bytes(content)
        conversion.convert_image(
            tmp_path / "source", tmp_path / "target", image_format=ImageFormat.PNG
        )
        with Image.open(tmp_path / "target") as image:
            profiles.append(image.info.get("icc_profile"))

    assert profiles[0] == STUDIO
    assert profiles[1] not in {None, STUDIO}


# --- Density ----------------------------------------------------------------------------------
def exif_dpi(dots: int) -> bytes:
    tags = Image.Exif()
    tags[0x011A], tags[0x011B], tags[0x0128] = float(dots), float(dots), 2
    return tags.tobytes()


@pytest.mark.parametrize(
    ("content", "density"),
    [
        (encoded(plain(), "JPEG", dpi=(300, 300)), (300, 300)),
        (encoded(plain(), "JPEG", dpi=(240, 120)), (240, 120)),
        (encoded(plain(), "JPEG", exif=exif_dpi(350)), (350, 350)),
        (encoded(plain(), "PNG", dpi=(300, 300)), (300, 300)),
        (encoded(plain(), "JPEG"), (72, 72)),
        (encoded(plain(), "WEBP"), (72, 72)),
        (encoded(plain().convert("L"), "JPEG", dpi=(300, 300)), (300, 300)),
        (encoded(plain().convert("CMYK"), "JPEG", dpi=(300, 300)), (300, 300)),
    ],
    ids=["jfif", "two", "exif", "png", "none", "webp", "grey", "cmyk"],
)
def test_an_exported_jpeg_has_jfif_with_the_density_of_its_source(
    content: bytes, density: tuple[int, int], tmp_path: Path
) -> None:
    (tmp_path / "source").write_bytes(content)

    conversion.convert_image(
        tmp_path / "source", tmp_path / "target", image_format=ImageFormat.JPEG
    )

    body = (tmp_path / "target").read_bytes()
    assert body[:11] == b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"
    assert body.count(b"JFIF\x00") == 1
    assert Image.open(io.BytesIO(body)).info["dpi"] == density
