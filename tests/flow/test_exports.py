"""Exports on real processes: the downloaded ZIP archives, also after a process was killed."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from PIL import Image

from devstack.product import Product
from tests.flow.api_client import ApiClient, eventually, media_of, photo, sha256
from tests.flow.crashes.crash_file import CrashFile

pytestmark = pytest.mark.flow

PHOTOS = {
    "aw26-oxford-shoe-front.jpg": "image/jpeg",
    "aw26-tote-bag-tan-cutout.png": "image/png",
    "aw26-tote-bag-tan-front.webp": "image/webp",
    "aw26-wool-scarf-detail.avif": "image/avif",
}
METADATA_FILES = 3  # metadata.json, metadata.csv and manifest.json
FINAL_STATUSES = {"completed", "completed_with_errors", "failed"}
PILLOW_FORMATS = {"webp": "WEBP", "jpeg": "JPEG", "png": "PNG", "avif": "AVIF"}
ITEM_CRASH_POINTS = [
    *("lease-taken", "export-downloaded", "export-converted", "export-put", "export-marking"),
    "export-marked",
]
ARCHIVE_CRASH_POINTS = [
    "export-assembling",
    "export-archived",
    "export-finishing",
    "export-finished",
]


@pytest.fixture(params=["s3", "local"])
def api_client(
    request: pytest.FixtureRequest, live_product: Callable[..., Product]
) -> Iterator[ApiClient]:
    with ApiClient.member(live_product(STORAGE=request.param)) as api_client:
        yield api_client


def create_shoe(api_client: ApiClient, **photos: str) -> dict[str, Any]:
    """Create a product with these photos and wait until they are ready."""
    urls = [api_client.upload(name, photo(name), kind) for name, kind in photos.items()]
    product = api_client.create_product(
        name="Oxford", brand="Us", cover_image=urls[0], images=urls[1:]
    )
    return api_client.wait_until_processed(product["id"])


def start(api_client: ApiClient, product: dict[str, Any], image_format: str = "webp") -> str:
    configuration_response = api_client.http.post(
        "/api/v1/export-configuration/",
        json={
            "image_format": image_format,
            "naming_convention_template": "{product_name}_{index:02}",
        },
    )
    response = api_client.http.post(
        "/api/v1/exports/",
        json={
            "product_ids": [product["id"]],
            "export_configuration_id": configuration_response.json()["id"],
        },
    )
    assert response.status_code == 202, response.text
    return str(response.headers["location"])


def finished_run(api_client: ApiClient, location: str) -> dict[str, Any]:
    done_counts: list[int] = [0]

    def read_run() -> dict[str, Any]:
        run: dict[str, Any] = api_client.http.get(location).json()
        assert run["progress"]["done"] <= run["progress"]["total"]
        assert run["progress"]["done"] >= done_counts[0], "progress went back"
        done_counts[0] = run["progress"]["done"]
        return run

    finished: dict[str, Any] = eventually(read_run, lambda run: run["status"] in FINAL_STATUSES)
    return finished


def download_archive(api_client: ApiClient, location: str) -> bytes:
    redirect = api_client.http.get(f"{location}/download")
    assert redirect.status_code == 302, redirect.text
    assert redirect.headers["cache-control"] == "no-store"
    response = httpx.get(redirect.headers["location"], timeout=30)
    assert response.status_code == 200, response.text
    assert "Oxford.zip" in response.headers["content-disposition"]
    return response.content


def unpack_archive(body: bytes) -> dict[str, bytes]:
    """Return the archive's files, after comparing them with its manifest."""
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(files["manifest.json"])
    assert [file["name"] for file in manifest["files"]] == list(files)[:-1]  # all but the manifest
    for file in manifest["files"]:
        body = files[file["name"]]
        assert (file["sha256"], file["size"]) == (sha256(body), len(body))
    return files


@pytest.mark.parametrize("image_format", [*PILLOW_FORMATS, "original"])
def test_an_archive_has_the_requested_format(api_client: ApiClient, image_format: str) -> None:
    shoe = create_shoe(api_client, **PHOTOS)

    location = start(api_client, shoe, image_format)
    run = finished_run(api_client, location)
    body = download_archive(api_client, location)

    assert run["status"] == "completed", run
    assert run["archive"] == {"size": len(body), "sha256": sha256(body)}
    files = unpack_archive(body)
    assert len(files) == len(PHOTOS) + METADATA_FILES
    images = list(files.values())[: len(PHOTOS)]
    if image_format == "original":
        assert [sha256(content) for content in images] == [sha256(photo(name)) for name in PHOTOS]
    for content, media in zip(images, media_of(shoe), strict=True):
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            assert image.format == PILLOW_FORMATS.get(image_format, image.format)
            assert max(image.size) == max(media["width"], media["height"])


def test_two_exports_of_the_same_files_are_equal(api_client: ApiClient) -> None:
    shoe = create_shoe(api_client, **PHOTOS)
    locations = [start(api_client, shoe) for _ in range(2)]

    bodies = [
        download_archive(api_client, location)
        for location in locations
        if finished_run(api_client, location)
    ]

    assert bodies[0] == bodies[1]


@pytest.mark.covers("F01", "F30")
@pytest.mark.parametrize("point", [*ITEM_CRASH_POINTS, *ARCHIVE_CRASH_POINTS])
def test_the_archive_is_the_same_if_a_worker_is_killed_at_any_step(
    point: str, running_product: Product, crash_file: CrashFile
) -> None:
    with ApiClient.member(running_product) as api_client:
        shoe = create_shoe(api_client, **dict(list(PHOTOS.items())[:2]))
        first = start(api_client, shoe)
        finished_run(api_client, first)
        expected = download_archive(api_client, first)
        crash_file.crash_at(point, role="worker")

        location = start(api_client, shoe)
        run = finished_run(api_client, location)

        crash_file.require_reached()
        assert run["status"] == "completed", run
        assert download_archive(api_client, location) == expected


@pytest.mark.covers("F03", "T64")
@pytest.mark.parametrize(("point", "is_saved"), [("export-saving", False), ("export-saved", True)])
def test_one_export_is_started_if_a_web_process_is_killed_at_any_step(
    point: str, *, is_saved: bool, running_product: Product, crash_file: CrashFile
) -> None:
    with ApiClient.member(running_product) as api_client:
        shoe = create_shoe(api_client, **dict(list(PHOTOS.items())[:2]))
        payload: dict[str, Any] = {
            "json": {"product_ids": [shoe["id"]]},
            "headers": {"Idempotency-Key": point},
        }

        def count() -> int:
            response = api_client.http.get("/api/v1/exports/", params=api_client.owner_parameters)
            return int(response.json()["count"])

        before = count()
        crash_file.crash_at(point, role="web")

        with pytest.raises(httpx.TransportError):
            api_client.http.post("/api/v1/exports/", **payload)
        eventually(api_client.is_ready, bool)

        assert count() == before + is_saved
        if is_saved:  # the response for the idempotency key was stored in the same transaction
            second_response = api_client.http.post("/api/v1/exports/", **payload)
            assert second_response.headers["idempotent-replayed"] == "true"
            assert (
                finished_run(api_client, second_response.headers["location"])["status"]
                == "completed"
            )


@pytest.mark.covers("F02", "F08")
def test_no_export_is_lost_with_the_worker_and_the_broker(running_product: Product) -> None:
    with ApiClient.member(running_product) as api_client:
        shoe = create_shoe(api_client, **PHOTOS)
        location = start(api_client, shoe)
        running_product.kill_worker()
        running_product.stop_broker(lose_data=True)
        running_product.start_broker()
        running_product.restart_dead()

        run = finished_run(api_client, location)

        assert run["status"] == "completed", run
        files = unpack_archive(download_archive(api_client, location))
        assert len(files) == len(PHOTOS) + METADATA_FILES


@pytest.mark.covers("F10")
def test_no_export_is_lost_if_the_database_restarts(running_product: Product) -> None:
    with ApiClient.member(running_product) as api_client:
        shoe = create_shoe(api_client, **PHOTOS)
        location = start(api_client, shoe, "avif")
        running_product.stop_database()
        running_product.start_database()
        running_product.restart_dead()
        eventually(lambda: api_client.http.get(location).status_code == 200, bool)

        assert finished_run(api_client, location)["status"] == "completed"
