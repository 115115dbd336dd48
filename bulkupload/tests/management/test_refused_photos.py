"""Folders and ZIPs that `import_photos` refuses, before it sends anything."""

import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

from accounts.models import User
from bulkupload.management.commands import import_photos
from bulkupload.models import PhotoBatch
from bulkupload.tests.importing_photos import fill, run
from media.tests.factories import photo

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("public")]


def unsafe_zip(folder: Path) -> Path:
    path = folder / "unsafe.zip"
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("../AW-1.png", photo(1))
    return path


def no_photos(folder: Path) -> Path:
    (folder / "notes.txt").write_text("no photo")
    return folder


def no_archive(folder: Path) -> Path:
    path = folder / "AW-1.png"
    path.write_bytes(photo(1))
    return path


def empty_photo(folder: Path) -> Path:
    fill(folder, "AW-1_1.png", "AW-1_2.png")
    (folder / "AW-1_3.png").write_bytes(b"")
    return folder


def foreign_name(folder: Path) -> Path:
    path = os.fsencode(fill(folder, "AW-1_1.png", "AW-1_2.png")) + b"/AW-1_\xff.png"
    Path(os.fsdecode(path)).write_bytes(photo(3))
    return folder


def zip_of_photos(folder: Path) -> Path:
    path = folder / "shoot.zip"
    with zipfile.ZipFile(path, "w") as target:
        for number in range(1, 4):
            target.writestr(f"AW-1_{number}.png", photo(number))
    return path


def deep_zip(folder: Path) -> Path:
    path = zip_of_photos(folder)
    with zipfile.ZipFile(path, "a") as target:
        target.writestr("day 1/" * 100 + "AW-1_4.png", photo(4))
    return path


def damaged_zip(folder: Path) -> Path:
    path = zip_of_photos(folder)
    path.write_bytes(path.read_bytes().replace(photo(3)[-20:], b"\0" * 20))
    return path


def encrypted_zip(folder: Path) -> Path:
    """Set the flag of the last entry, in its header and in the directory."""
    path = zip_of_photos(folder)
    body = bytearray(path.read_bytes())
    body[body.rindex(b"PK\x03\x04") + 6] |= 1
    body[body.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(body)
    return path


def zip_of_unknown_compression(folder: Path) -> Path:
    path = zip_of_photos(folder)
    body = bytearray(path.read_bytes())
    body[body.rindex(b"PK\x03\x04") + 8] = 99
    body[body.rindex(b"PK\x01\x02") + 10] = 99
    path.write_bytes(body)
    return path


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        (unsafe_zip, [], "'..' in its path"),
        (no_photos, [], "no JPEG"),
        (no_archive, [], "neither a folder nor a ZIP"),
        (empty_photo, [], "AW-1_3.png: A file has"),
        (empty_photo, ["--dry-run"], "AW-1_3.png: A file has"),
        (foreign_name, [], "not valid UTF-8"),
        (deep_zip, [], "at most 500 characters"),
        (damaged_zip, [], "AW-1_3.png: It is damaged"),
        (encrypted_zip, [], "AW-1_3.png: It is damaged, encrypted"),
        (zip_of_unknown_compression, [], "AW-1_3.png: It is damaged, .*unknown method"),
        (zip_of_photos, ["--report", "/missing/report.csv"], "No such file"),
        (lambda folder: folder / "missing", [], "No such file"),
        (no_photos, ["--template", "{sku}"], "Unknown wildcard"),
        (no_photos, ["--template", "{brand}"], "no {product_sku}"),
        (no_photos, ["--user", "nobody@example.com"], "no such active user"),
    ],
)
def test_an_error_message_says_what_is_wrong(
    user: User,
    tmp_path: Path,
    source: Any,
    options: list[str],
    message: str,
    *,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also if only the last photo is bad, which another request would declare."""
    monkeypatch.setattr(import_photos, "MAX_REQUEST_PHOTOS", 2)
    arguments = options if "--user" in options else ["--user", user.email, *options]

    with pytest.raises(CommandError, match=message) as error:
        run(source(tmp_path), *arguments)

    assert error.value.returncode == import_photos.FAILED
    assert not PhotoBatch.objects.exists()


def test_the_report_cannot_overwrite_the_photos(user: User, tmp_path: Path) -> None:
    source = zip_of_photos(tmp_path)
    body = source.read_bytes()

    with pytest.raises(CommandError, match="--report is the input file itself"):
        run(source, "--user", user.email, "--dry-run", "--report", source)

    assert source.read_bytes() == body
