"""Irregular files that ingest accepts can also be exported."""

from pathlib import Path

import pytest
from PIL import Image

from exports.models import ImageFormat
from exports.services import conversion
from media.tests.rules.file_types.tolerated import TOLERATED

IMAGES = {name: build for name, (kind, build) in TOLERATED.items() if kind.startswith("image/")}


@pytest.mark.parametrize("name", IMAGES)
def test_tolerated_files_are_converted(tmp_path: Path, name: str) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(IMAGES[name]())

    converted = conversion.convert_image(source, target, image_format=ImageFormat.JPEG)

    with Image.open(target) as image:
        image.load()
        assert (image.format, image.size) == ("JPEG", (converted.width, converted.height))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "target"]
