from pathlib import Path

import pytest
from PIL import ExifTags, Image

from media.rules.file_types.image_header import measure, require_within_limits
from media.rules.file_types.signatures import SNIFF_BYTES, sniff
from media.rules.file_types.structure import require_complete

SAMPLES = Path(__file__).parents[4] / "samples"
PHOTOS = sorted((SAMPLES / "photos").iterdir())


def test_there_are_sample_photos_of_every_format_and_their_total_size_is_small() -> None:
    suffixes = {path.suffix for path in PHOTOS}

    assert len(PHOTOS) >= 8
    assert suffixes == {".jpg", ".png", ".webp", ".avif", ".gif"}
    assert sum(path.stat().st_size for path in PHOTOS) < 25_000_000


@pytest.mark.parametrize("path", PHOTOS, ids=lambda path: path.name)
def test_every_photo_is_acceptable(path: Path) -> None:
    with path.open("rb") as file:
        content_type = sniff(file.read(SNIFF_BYTES))
        assert content_type == f"image/{path.suffix[1:].replace('jpg', 'jpeg')}"
        require_complete(file, content_type)
        require_within_limits(measure(file, content_type))


def test_one_photo_is_large() -> None:
    large_photos = [path for path in PHOTOS if path.stat().st_size >= 10 * 2**20]

    assert [path.name for path in large_photos] == ["aw26-knit-jumper-master.png"]
    assert large_photos[0].stat().st_size < 12_000_000


def test_one_photo_has_a_duplicate() -> None:
    names_by_content: dict[bytes, list[str]] = {}
    for path in PHOTOS:
        names_by_content.setdefault(path.read_bytes(), []).append(path.name)

    assert [names for names in names_by_content.values() if len(names) > 1] == [
        ["aw26-oxford-shoe-front.jpg", "aw26-oxford-shoe-hero.jpg"]
    ]


def test_photos_have_metadata_of_cameras() -> None:
    with Image.open(SAMPLES / "photos" / "aw26-oxford-shoe-on-location.jpg") as image:
        gps = image.getexif().get_ifd(ExifTags.IFD.GPSInfo)
        assert gps[ExifTags.GPS.GPSLatitudeRef] == "N"
    with Image.open(SAMPLES / "photos" / "aw26-oxford-shoe-black-portrait.jpg") as image:
        assert image.getexif()[ExifTags.Base.Orientation] == 6
        assert image.info["icc_profile"]


def test_the_licence_lists_every_photo() -> None:
    licence = (SAMPLES / "LICENSE.md").read_text()

    assert "CC0" in licence
    assert [path.name for path in PHOTOS if f"`{path.name}`" not in licence] == []
