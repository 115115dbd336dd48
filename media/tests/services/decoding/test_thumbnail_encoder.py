"""The size, orientation and colours of thumbnails."""

import io
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from media.services.decoding.decode import make_thumbnail

ORIENTATION = 0x0112


def encoded(image: Image.Image, format_name: str, **options: object) -> bytes:
    body = io.BytesIO()
    image.save(body, format_name, **options)
    return body.getvalue()


def thumbnail_of(tmp_path: Path, body: bytes, content_type: str) -> Image.Image:
    path = tmp_path / "image"
    path.write_bytes(body)
    return Image.open(io.BytesIO(make_thumbnail(path, content_type)))


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1600, 900), (320, 180)), ((900, 1600), (180, 320)), ((40, 30), (40, 30))],
)
@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP", "GIF", "AVIF"])
def test_every_format_becomes_a_small_webp(
    tmp_path: Path, format_name: str, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    body = encoded(Image.new("RGB", size, "#3366cc"), format_name)

    thumbnail = thumbnail_of(tmp_path, body, f"image/{format_name.lower()}")

    assert (thumbnail.format, thumbnail.size) == ("WEBP", expected)
    red, green, blue = thumbnail.convert("RGB").getpixel((5, 5))  # type: ignore[misc]  # RGB has three
    assert abs(red - 0x33) < 8
    assert abs(green - 0x66) < 8
    assert abs(blue - 0xCC) < 8


def test_a_thumbnail_is_upright_and_without_metadata(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    body = encoded(Image.new("RGB", (800, 400)), "JPEG", exif=exif)

    thumbnail = thumbnail_of(tmp_path, body, "image/jpeg")

    assert thumbnail.size == (160, 320)
    assert not thumbnail.getexif()
    assert "icc_profile" not in thumbnail.info


def test_transparency_is_preserved(tmp_path: Path) -> None:
    thumbnail = thumbnail_of(
        tmp_path, encoded(Image.new("RGBA", (800, 800), (255, 0, 0, 0)), "PNG"), "image/png"
    )

    assert thumbnail.convert("RGBA").getpixel((10, 10))[3] == 0  # type: ignore[index]  # RGBA has four


@pytest.mark.parametrize(("mode", "white"), [("CMYK", (0, 0, 0, 0)), ("L", 255)])
def test_other_colours_become_srgb(tmp_path: Path, mode: str, white: int | tuple[int, ...]) -> None:
    thumbnail = thumbnail_of(
        tmp_path, encoded(Image.new(mode, (400, 400), white), "JPEG"), "image/jpeg"
    )

    assert min(thumbnail.convert("RGB").getpixel((5, 5))) > 240  # type: ignore[arg-type]


def test_an_invalid_profile_is_ignored(tmp_path: Path) -> None:
    body = encoded(Image.new("RGB", (400, 400), "white"), "PNG", icc_profile=b"no profile")

    assert thumbnail_of(tmp_path, body, "image/png").size == (320, 320)


def test_a_profile_is_applied(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    body = encoded(Image.new("RGB", (400, 400), "white"), "PNG", icc_profile=profile.tobytes())

    assert thumbnail_of(tmp_path, body, "image/png").size == (320, 320)
