"""A backlog of one owner, with slow files too, delays another owner's photo by only one file."""

import io

import pytest
from PIL import Image

from devstack.product import Product
from tests.flow.api_client import ApiClient, media_of
from tests.flow.crashes.test_crashes import unique_photo

pytestmark = pytest.mark.flow

PHOTOS, SLOW_PHOTOS = 45, 3


def slow_photo(number: int) -> bytes:
    """Return a small JPEG that is slow to decode: 32 megapixels in many scans."""
    buffer = io.BytesIO()
    Image.new("L", (8000, 4000), number).save(buffer, "JPEG", progressive=True)
    body = buffer.getvalue()
    last_scan = body[body.rindex(b"\xff\xda") : -2]
    return body[:-2] + last_scan * 12 + body[-2:]


@pytest.mark.covers("T31")
def test_a_backlog_of_one_owner_does_not_delay_another(
    running_product: Product, api_client: ApiClient
) -> None:
    slow_urls = [
        api_client.upload(f"slow-{number}.jpg", slow_photo(number), "image/jpeg")
        for number in range(SLOW_PHOTOS)
    ]
    urls = [
        api_client.upload(f"{number}.jpg", unique_photo(f"backlog {number}"), "image/jpeg")
        for number in range(PHOTOS)
    ]
    with ApiClient.outsider(running_product) as outsider:
        own_url = outsider.upload("own.jpg", unique_photo("a photo of another owner"), "image/jpeg")
        backlog = api_client.create_product(name="Backlog", images=[*slow_urls, *urls])

        new_product = outsider.create_product(name="One photo", cover_image=own_url)
        [media] = media_of(outsider.wait_until_processed(new_product["id"]))
        pending_images = [
            image
            for image in media_of(api_client.read(backlog["id"]))
            if image["status"] == "pending"
        ]

    assert media["status"] == "ready"
    assert len(pending_images) > PHOTOS // 3, "the backlog was processed first"
    finished_backlog = api_client.wait_until_processed(backlog["id"], within=120)
    assert {image["status"] for image in media_of(finished_backlog)[SLOW_PHOTOS:]} == {"ready"}
