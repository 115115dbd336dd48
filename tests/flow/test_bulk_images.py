"""Images of bulk uploads on real processes: uploaded files, which must become READY."""

from typing import Any

import pytest

from tests.flow.api_client import ApiClient, eventually, media_of, photo, sha256
from tests.flow.bulk import FINAL_STATUSES, start
from tests.flow.crashes.crash_file import CrashFile
from tests.flow.crashes.test_crashes import unique_photo

pytestmark = pytest.mark.flow

EXISTING_PHOTO = "aw26-oxford-shoe-front.jpg"
ROWS = 12


def finished_job_of(api_client: ApiClient, body: bytes) -> dict[str, Any]:
    location = start(api_client, body).headers["location"]
    finished: dict[str, Any] = eventually(
        lambda: api_client.http.get(location).json(), lambda job: job["status"] in FINAL_STATUSES
    )
    return finished


def products(api_client: ApiClient, prefix: str) -> list[dict[str, Any]]:
    response = api_client.http.get(
        "/api/v1/products/",
        params={**api_client.owner_parameters, "search": f"{prefix}-", "limit": 1000},
    ).json()["data"]
    return sorted(response, key=lambda product: str(product["sku"]))


def table(prefix: str, api_client: ApiClient) -> bytes:
    """Return rows with a new and an existing image, and a last row with a URL that is rejected."""
    new_url = api_client.upload("new.jpg", unique_photo(prefix), "image/jpeg")
    product = api_client.create_product(
        name="Existing",
        images=[api_client.upload(EXISTING_PHOTO, photo(EXISTING_PHOTO), "image/jpeg")],
    )
    [existing_image] = media_of(api_client.wait_until_processed(product["id"]))
    rows = [
        f"{prefix}-{n:02},Name {n},{new_url},{existing_image['url']}|{new_url}" for n in range(ROWS)
    ]
    rows.append(f"{prefix}-{ROWS},Name,https://elsewhere.example.com/a.jpg,")
    return "\n".join(["sku,name,cover_image,images", *rows]).encode()


def require_images(api_client: ApiClient, job: dict[str, Any], prefix: str) -> None:
    """Assert that every image of `table` is attached and counted once."""
    assert (job["status"], job["created"], job["failed"]) == ("completed_with_errors", ROWS + 1, 0)
    assert job["media"] == {"pending": 0, "ready": 3 * ROWS, "failed": 1}
    found_products = products(api_client, prefix)
    assert len(found_products) == ROWS + 1
    for product in found_products[:ROWS]:
        images = media_of(product)
        assert [image["status"] for image in images] == ["ready"] * 3
        assert sha256(api_client.download(images[0]).content) == sha256(unique_photo(prefix))
    assert media_of(found_products[ROWS]) == []
    errors = api_client.http.get(f"/bulk-upload/{job['id']}/errors").json()["data"]
    issues = [(error["line"], error["severity"], error["code"]) for error in errors]
    assert issues == [(ROWS + 2, "warning", "image_url_not_allowed")]


@pytest.mark.covers("T61")
def test_importing_the_same_images_again_writes_nothing(api_client: ApiClient) -> None:
    body = table("IMG", api_client)

    require_images(api_client, finished_job_of(api_client, body), "IMG")
    before = products(api_client, "IMG")
    second_job = finished_job_of(api_client, body)

    assert second_job["unchanged"] == ROWS + 1
    assert second_job["media"] == {"pending": 0, "ready": 0, "failed": 1}
    assert products(api_client, "IMG") == before


@pytest.mark.covers("F30", "I12")
@pytest.mark.parametrize("point", ["media-slots-filled", "media-outcomes-saved", "media-attached"])
def test_every_image_is_counted_once_if_a_worker_is_killed(
    point: str, api_client: ApiClient, crash_file: CrashFile
) -> None:
    body = table(point, api_client)
    crash_file.crash_at(point, role="worker")

    require_images(api_client, finished_job_of(api_client, body), point)
    crash_file.require_reached()
