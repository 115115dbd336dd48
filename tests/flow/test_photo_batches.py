"""A photo batch on real processes: matched, uploaded, attached, and ready."""

from typing import Any

import httpx
import pytest

from tests.flow.api_client import ApiClient, eventually, sha256
from tests.flow.crashes.crash_file import CrashFile
from tests.flow.crashes.test_crashes import unique_photo

pytestmark = pytest.mark.flow

BATCHES = "/api/v1/photo-batches/"
NAMES = ("_3", "_2", "_front")


def upload(api_client: ApiClient, prefix: str) -> tuple[str, dict[str, bytes]]:
    """Create a batch, upload and report its photos; return its path and the photos by name."""
    photos = {f"day 1/{prefix}{name}.jpg": unique_photo(prefix + name) for name in NAMES}
    files = [
        {"filename": name, "content_type": "image/jpeg", "file_size": len(body)}
        for name, body in photos.items()
    ]
    create_response = api_client.http.post(
        BATCHES, json={"files": files, **api_client.owner_parameters}
    )
    assert create_response.status_code == 201, create_response.text
    for row in create_response.json()["files"]:
        ticket = row["upload"]
        body = photos[row["filename"]]
        put_response = httpx.put(
            ticket["upload_url"], content=body, headers=ticket["upload_headers"]
        )
        assert put_response.is_success, put_response.text
    batch_path = create_response.headers["location"]
    ids = [row["id"] for row in create_response.json()["files"]]
    assert api_client.http.post(f"{batch_path}/uploaded", json={"file_ids": ids}).status_code == 200
    return batch_path, photos


def attach(api_client: ApiClient, batch_path: str) -> dict[str, Any]:
    """Attach a batch and return it once it has ended."""
    assert api_client.http.post(f"{batch_path}/attach").status_code == 202
    ended_batch: dict[str, Any] = eventually(
        lambda: api_client.http.get(batch_path).json(), lambda batch: batch["status"] == "done"
    )
    return ended_batch


@pytest.mark.covers("F30", "I12")
@pytest.mark.parametrize("point", ["", "photo-slot-filled", "photo-attached"])
def test_every_photo_is_attached_once(
    point: str, api_client: ApiClient, crash_file: CrashFile
) -> None:
    prefix = f"BATCH{point}"
    product = api_client.create_product(name="Shoe", sku=prefix)
    batch_path, photos = upload(api_client, prefix)
    if point:
        crash_file.crash_at(point, role="worker")

    counts = attach(api_client, batch_path)["counts"]

    assert (counts["ready"], counts["total"]) == (3, 3)
    product_shown = api_client.read(product["id"])
    third, second, front = (sha256(body) for body in photos.values())
    images = [product_shown["cover_image"], *product_shown["images"]]
    hashes = [api_client.resource(image["resource_id"])["sha256"] for image in images]
    assert hashes == [front, second, third]
    if point:
        crash_file.require_reached()
