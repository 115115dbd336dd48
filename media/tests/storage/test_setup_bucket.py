from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from media.storage import private_store, public_store
from media.storage.client import ClientHolder
from media.storage.factory import s3_connection
from media.storage.marker import MARKER_KEY, environment_of, mark
from media.tests.storage.client import send


@pytest.fixture
def fresh_buckets(
    settings: Settings, stack: dict[str, str], fresh_doors: None
) -> Iterator[tuple[str, str]]:
    """Two names no bucket has, removed afterwards."""
    name = f"setup-{uuid4().hex[:12]}"
    settings.STORAGE = "s3"
    settings.ENVIRONMENT_NAME = "test"
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example.test"]
    settings.R2_BUCKET_NAME, settings.R2_PRIVATE_BUCKET_NAME = f"{name}-public", f"{name}-private"
    yield settings.R2_BUCKET_NAME, settings.R2_PRIVATE_BUCKET_NAME
    holder = ClientHolder(s3_connection())
    for bucket in (settings.R2_BUCKET_NAME, settings.R2_PRIVATE_BUCKET_NAME):
        holder.get().delete_object(Bucket=bucket, Key=MARKER_KEY)
        holder.get().delete_bucket(Bucket=bucket)
    holder.close()


@pytest.fixture
def local_folders(settings: Settings, tmp_path: Path, fresh_doors: None) -> None:
    settings.STORAGE = "local"
    settings.ENVIRONMENT_NAME = "test"
    settings.LOCAL_STORE_DIR = tmp_path


def setup_bucket(*arguments: str) -> list[str]:
    said = StringIO()
    call_command("setup_bucket", *arguments, stdout=said)
    return said.getvalue().splitlines()


@pytest.mark.covers("F27")
def test_both_buckets_are_made_and_marked_once(fresh_buckets: tuple[str, str]) -> None:
    public, private = fresh_buckets

    first = setup_bucket()
    again = setup_bucket()

    assert first == [
        f"Created bucket {public}.",
        f"Created bucket {private}.",
        f"Browsers of https://app.example.test may upload to {public}.",
        f"Marked {public} as test.",
        f"Marked {private} as test.",
    ]
    assert again == [
        f"Bucket {public} exists.",
        f"Bucket {private} exists.",
        f"Browsers of https://app.example.test may upload to {public}.",
        f"{public} is marked as test.",
        f"{private} is marked as test.",
    ]
    assert environment_of(public_store()) == environment_of(private_store()) == "test"


def test_a_browser_may_ask_before_it_uploads(fresh_buckets: tuple[str, str]) -> None:
    setup_bucket()
    asked = {
        "Origin": "https://app.example.test",
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "content-type,x-amz-checksum-sha256,if-none-match",
    }
    url = f"{s3_connection().public_endpoint_url}/{fresh_buckets[0]}/temp/a"

    status, headers, _ = send("OPTIONS", url, headers=asked)
    foreign, _, _ = send("OPTIONS", url, headers=asked | {"Origin": "https://evil.example.test"})

    assert status == 200
    assert headers["access-control-allow-origin"] == "https://app.example.test"
    assert "PUT" in headers["access-control-allow-methods"]
    assert "x-amz-checksum-sha256" in headers["access-control-allow-headers"].lower()
    assert foreign == 403


def test_a_dry_run_changes_nothing(fresh_buckets: tuple[str, str]) -> None:
    said = setup_bucket("--dry-run")

    assert said == [
        f"Would create bucket {fresh_buckets[0]}.",
        f"Would create bucket {fresh_buckets[1]}.",
        f"Would let browsers of https://app.example.test upload to {fresh_buckets[0]}.",
        "Would mark both buckets as test unless marked.",
    ]
    assert setup_bucket()[0] == f"Created bucket {fresh_buckets[0]}."


@pytest.mark.covers("F27")
@pytest.mark.usefixtures("local_folders")
def test_the_marker_of_another_environment_stays() -> None:
    setup_bucket()
    mark(public_store(), "production")

    with pytest.raises(CommandError, match="marked as production, this is test"):
        setup_bucket()

    assert environment_of(public_store()) == "production"


@pytest.mark.usefixtures("local_folders")
def test_the_local_store_gets_its_folders(settings: Settings, tmp_path: Path) -> None:
    first = setup_bucket()
    again = setup_bucket()

    assert first[0] == f"Made folder {settings.R2_BUCKET_NAME} under {tmp_path}."
    assert again[0] == f"Folder {settings.R2_BUCKET_NAME} exists."
    assert (tmp_path / settings.R2_PRIVATE_BUCKET_NAME / MARKER_KEY).is_file()


@pytest.mark.usefixtures("fresh_doors")
def test_a_store_that_is_not_there_is_told(settings: Settings) -> None:
    settings.STORAGE = "s3"
    settings.S3_ENDPOINT_URL = "http://127.0.0.1:1"

    with pytest.raises(CommandError, match="StoreUnavailableError: Could not connect"):
        setup_bucket()


@pytest.mark.usefixtures("local_folders")
@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"environment": 1}', b"\xff"])
def test_an_unreadable_marker_marks_nothing(content: bytes, tmp_path: Path) -> None:
    setup_bucket()
    public_store().delete_many([MARKER_KEY])
    (tmp_path / "sartiq-media" / MARKER_KEY).write_bytes(content)

    assert environment_of(public_store()) is None
