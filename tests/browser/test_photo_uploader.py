"""Photos sent as a photo batch: by a real browser, to the running product."""

import secrets
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page, Route, expect

from devstack.product import Product
from tests.browser.test_uploader import (
    STORED,
    UPLOADS_PER_SECOND,
    limit,
    new_photo,
    open_example,
    row,
    write,
)
from tests.flow.api_client import ApiClient, photo, sha256

pytestmark = pytest.mark.browser

BATCHES = "/api/v1/photo-batches/"


@pytest.fixture
def api_client(running_product: Product) -> Iterator[ApiClient]:
    with ApiClient.member(running_product) as api_client:
        yield api_client


@pytest.fixture
def photos_page(page: Page, running_product: Product) -> Page:
    """The example page, which sends a photo batch."""
    return open_example(page, running_product, "&photos=1")


def batches(api_client: ApiClient) -> list[dict[str, Any]]:
    """Return the photo batches of the organization."""
    response = api_client.http.get(BATCHES, params=api_client.owner_parameters | {"limit": "1000"})
    data: list[dict[str, Any]] = response.json()["data"]
    return data


def files_of(api_client: ApiClient, batch: dict[str, Any]) -> list[str]:
    """Return the paths of the photos of a batch."""
    return [
        file["filename"]
        for file in api_client.http.get(f"{BATCHES}{batch['id']}/files").json()["data"]
    ]


def hashes(api_client: ApiClient, product: dict[str, Any]) -> dict[str, Any]:
    """Return the SHA-256 of the image in each slot that has any."""
    product_shown = api_client.read(product["id"])
    slots = {"cover_image": [product_shown["cover_image"]], "images": product_shown["images"]}
    return {
        slot: [api_client.resource(image["resource_id"])["sha256"] for image in images if image]
        for slot, images in slots.items()
    }


def lose_response(page: Page, pattern: str, status: int = 201) -> list[str]:
    """Cut the connection once the server has accepted a request; return the requests so far."""
    request_urls: list[str] = []

    def respond(route: Route) -> None:
        if route.request.method != "POST":
            route.continue_()
            return
        response = route.fetch()
        is_lost = response.status == status and not request_urls
        if response.status == status:
            request_urls.append(route.request.url)
        if is_lost:
            route.abort("connectionreset")
        else:
            route.fulfill(response=response)

    page.route(pattern, respond)
    return request_urls


def respond_in_progress(route: Route) -> None:
    """Respond as if an earlier request with the same Idempotency-Key were still running."""
    route.fulfill(status=409, headers={"Retry-After": "1"}, json={"detail": "Wait."})


def refuse_first_put(refused_urls: list[str], route: Route) -> None:
    """Respond to the first PUT as the store does after its URL has expired."""
    if route.request.method == "PUT" and not refused_urls:
        refused_urls.append(route.request.url)
        route.fulfill(status=403, headers={"Access-Control-Allow-Origin": "*"})
    else:
        route.continue_()


def cut_connection(page: Page, connection: CDPSession, path: str) -> None:
    """Cut the slow connection of the browser while a file is being sent, then restore it."""
    progress = row(page, path).get_by_role("progressbar")
    expect(progress).not_to_have_js_property("value", 0)
    limit(connection, offline=True)
    expect(page.get_by_text("Waiting for the connection.")).to_be_visible()
    limit(connection)


def attach(page: Page, outcome: str) -> None:
    """Attach the photos on the page, and wait until it shows how the batch ended."""
    page.get_by_role("button", name="Attach the photos").press("Enter")
    expect(page.locator("#photo-batch").get_by_role("status")).to_have_text(outcome)


def test_a_folder_is_attached_in_spite_of_a_lost_connection_and_a_refused_file(
    photos_page: Page, api_client: ApiClient, tmp_path: Path
) -> None:
    sku = f"BR-{secrets.token_hex(4)}"
    first, second = (api_client.create_product(name="Shoe", sku=f"{sku}-{n}") for n in (1, 2))
    stored_url = api_client.upload(STORED, photo(STORED), "image/jpeg")
    api_client.wait_until_processed(api_client.create_product(name="S", images=[stored_url])["id"])
    large_photo, same_photo = new_photo(600), new_photo()
    folder = write(
        tmp_path / "shoot",
        {
            f"day 1/{sku}-1_front.png": large_photo,
            f"day 1/{sku}-1_2.png": same_photo,
            f"day 2/{sku}-1_3.jpg": photo(STORED),
            f"day 2/{sku}-2_front.png": same_photo,
            "day 2/nobody.png": new_photo(),
            "logo.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            ".DS_Store": b"x",
        },
    )
    before = len(batches(api_client))
    connection = photos_page.context.new_cdp_session(photos_page)
    limit(connection, upload=UPLOADS_PER_SECOND)
    create_requests = lose_response(photos_page, f"**{BATCHES}")

    photos_page.get_by_label("Choose a folder").set_input_files(folder)
    status = photos_page.locator("#uploader").get_by_role("status")
    expect(status).to_have_text("6 files: 4 to send, 1 already there, 1 refused.")
    expect(row(photos_page, "1_front.png")).to_contain_text(f"Ready: {sku}-1, cover image")
    expect(row(photos_page, "1_3.jpg")).to_contain_text(f"Already uploaded. {sku}-1, images")
    expect(row(photos_page, "nobody.png")).to_contain_text("Ready: no product has this name")
    expect(row(photos_page, "logo.svg")).to_contain_text("Refused: This is an SVG drawing.")
    photos_page.get_by_role("button", name="Upload 4 files").press("Enter")
    cut_connection(photos_page, connection, "1_front.png")
    expect(status).to_have_text("6 files: 4 sent, 1 already there, 1 refused.")
    attach(photos_page, "Done: 4 attached, 0 in conflict, 1 failed.")

    assert hashes(api_client, first) == {
        "cover_image": [sha256(large_photo)],
        "images": [sha256(same_photo), sha256(photo(STORED))],
    }
    assert hashes(api_client, second) == {"cover_image": [sha256(same_photo)], "images": []}
    assert len(create_requests) == 2
    assert len(batches(api_client)) == before + 1


def test_photos_are_added_once_although_the_response_is_lost(
    photos_page: Page, api_client: ApiClient, tmp_path: Path
) -> None:
    sku = f"BR-{secrets.token_hex(4)}"
    product = api_client.create_product(name="Shoe", sku=sku)
    names = [f"{sku}_{number}.png" for number in (2, 3, 4)]
    photos = {name: new_photo() for name in names}
    write(tmp_path, photos)
    before = len(batches(api_client))
    add_requests = lose_response(photos_page, f"**{BATCHES}*/files")
    status = photos_page.locator("#uploader").get_by_role("status")

    for number, name in enumerate(names[:2], start=1):
        photos_page.get_by_label("Choose files").set_input_files(tmp_path / name)
        expect(row(photos_page, name)).to_contain_text(f"Ready: {sku}, images")
        expect(photos_page.get_by_role("button", name=f"Upload {number} file")).to_be_visible()
    photos_page.get_by_role("button", name="Upload 2 files").press("Enter")
    expect(status).to_have_text("2 files: 2 sent.")
    attach(photos_page, "Done: 2 attached, 0 in conflict, 0 failed.")
    photos_page.get_by_label("Choose files").set_input_files(tmp_path / names[2])
    expect(status).to_have_text("3 files: 3 sent.")
    attach(photos_page, "Done: 1 attached, 0 in conflict, 0 failed.")

    assert len(add_requests) == 1
    started_batch, later_batch = batches(api_client)[before:]
    assert (files_of(api_client, started_batch), files_of(api_client, later_batch)) == (
        names[:2],
        names[2:],
    )
    assert hashes(api_client, product)["images"] == [sha256(body) for body in photos.values()]


def test_a_file_of_a_batch_that_has_ended_goes_into_a_new_one(
    photos_page: Page, api_client: ApiClient, tmp_path: Path
) -> None:
    sku = f"BR-{secrets.token_hex(4)}"
    product = api_client.create_product(name="Shoe", sku=sku)
    name, body = f"{sku}_front.png", new_photo()
    write(tmp_path, {name: body})
    photos_page.route(f"**{BATCHES}", respond_in_progress, times=1)

    photos_page.get_by_label("Choose files").set_input_files(tmp_path / name)
    expect(row(photos_page, name)).to_contain_text("Ready")
    [*_, ended_batch] = batches(api_client)
    api_client.http.post(f"{BATCHES}{ended_batch['id']}/cancel").raise_for_status()
    refused_urls: list[str] = []
    photos_page.route("**/temp/**", partial(refuse_first_put, refused_urls))
    photos_page.get_by_role("button", name="Upload 1 file").press("Enter")
    expect(row(photos_page, name)).to_contain_text("Sent")
    attach(photos_page, "Done: 1 attached, 0 in conflict, 0 failed.")

    assert len(refused_urls) == 1
    assert hashes(api_client, product)["cover_image"] == [sha256(body)]
