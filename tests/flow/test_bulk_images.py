"""Images of a bulk upload on real processes: files of ours, over HTTP, up to READY."""

from pathlib import Path
from typing import Any

import pytest

from tests.flow.bulk import ENDED, start
from tests.flow.crashes.test_crashes import unique_photo
from tests.flow.studio import Studio, eventually, media_of, photo, sha256

pytestmark = pytest.mark.flow

KNOWN = "aw26-oxford-shoe-front.jpg"
ROWS = 12


def finished_job_of(studio: Studio, body: bytes) -> dict[str, Any]:
    location = start(studio, body).headers["location"]
    run: dict[str, Any] = eventually(
        lambda: studio.http.get(location).json(), lambda job: job["status"] in ENDED
    )
    return run


def products(studio: Studio, mark: str) -> list[dict[str, Any]]:
    listed = studio.http.get(
        "/api/v1/products/", params={**studio.scope, "search": f"{mark}-", "limit": 1000}
    ).json()["data"]
    return sorted(listed, key=lambda product: str(product["sku"]))


def table(mark: str, studio: Studio) -> bytes:
    """Rows that show one new file, one file that is there already, and in one row a bad one."""
    fresh = studio.upload("new.jpg", unique_photo(mark), "image/jpeg")
    product = studio.create_product(
        name="Known", images=[studio.upload(KNOWN, photo(KNOWN), "image/jpeg")]
    )
    [existing] = media_of(studio.wait_until_processed(product["id"]))
    rows = [f"{mark}-{n:02},Name {n},{fresh},{existing['url']}|{fresh}" for n in range(ROWS)]
    rows.append(f"{mark}-{ROWS},Name,https://elsewhere.example.com/a.jpg,")
    return "\n".join(["sku,name,cover_image,images", *rows]).encode()


def require_shown(studio: Studio, job: dict[str, Any], mark: str) -> None:
    assert (job["status"], job["created"], job["failed"]) == ("completed_with_errors", ROWS + 1, 0)
    assert job["media"] == {"pending": 0, "ready": 3 * ROWS, "failed": 1}
    found_products = products(studio, mark)
    assert len(found_products) == ROWS + 1
    for product in found_products[:ROWS]:
        shown = media_of(product)
        assert [media["status"] for media in shown] == ["ready"] * 3
        assert sha256(studio.download(shown[0]).content) == sha256(unique_photo(mark))
    assert media_of(found_products[ROWS]) == []
    errors = studio.http.get(f"/bulk-upload/{job['id']}/errors").json()["data"]
    issues = [(error["line"], error["severity"], error["code"]) for error in errors]
    assert issues == [(ROWS + 2, "warning", "image_url_not_allowed")]


@pytest.mark.covers("T61")
def test_importing_the_same_images_again_writes_nothing(studio: Studio) -> None:
    body = table("IMG", studio)

    require_shown(studio, finished_job_of(studio, body), "IMG")
    before = products(studio, "IMG")
    again = finished_job_of(studio, body)

    assert again["unchanged"] == ROWS + 1
    assert again["media"] == {"pending": 0, "ready": 0, "failed": 1}
    assert products(studio, "IMG") == before


@pytest.mark.covers("F30", "I12")
@pytest.mark.parametrize("point", ["media-shown", "media-outcomes-saved", "media-attached"])
def test_every_image_is_counted_once_if_a_worker_is_killed(
    point: str, studio: Studio, armed: Path
) -> None:
    body = table(point, studio)
    armed.write_text(f"worker {point}")

    require_shown(studio, finished_job_of(studio, body), point)
    assert armed.with_name("done").exists(), "the crash point was never reached"
