"""The uploader of docs/examples, in a real browser against the running product."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import CDPSession, Locator, Page, Request, Route, expect

from devstack.product import Product
from sartiq.settings.environment import CHECKOUT
from tests.flow.api_client import ApiClient, photo

pytestmark = pytest.mark.browser

EXAMPLES = CHECKOUT / "docs" / "examples"
STORED = "aw26-oxford-shoe-front.jpg"
UPLOADS_PER_SECOND = 100_000  # bytes of the throttled connection


@pytest.fixture
def api_client(running_product: Product) -> Iterator[ApiClient]:
    with ApiClient.member(running_product) as api_client:
        yield api_client


@pytest.fixture
def uploader(page: Page, running_product: Product) -> Page:
    """The signed-in example page."""
    return open_example(page, running_product)


def open_example(page: Page, running_product: Product, options: str = "") -> Page:
    """Sign in on the example page, under a policy without inline scripts and Blob workers."""
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; worker-src 'self';"
        f" connect-src 'self' {running_product.env['S3_PUBLIC_ENDPOINT_URL']}"
    )

    def serve(route: Route) -> None:
        name = route.request.url.partition("?")[0].rpartition("/")[2]
        route.fulfill(path=EXAMPLES / name, headers={"Content-Security-Policy": policy})

    page.context.grant_permissions(["local-network-access"])  # to a page with no address itself
    page.route("**/examples/*", serve)
    page.goto(f"/examples/uploader.html?organization={running_product.organization_id}{options}")
    person = running_product.users["member"]
    page.get_by_label("Email").fill(person.email)
    page.get_by_label("Password").fill(person.password)
    page.get_by_label("Password").press("Enter")
    expect(page.get_by_text("Drop files or folders here")).to_be_visible()
    return page


@pytest.fixture
def connection(uploader: Page) -> CDPSession:
    return uploader.context.new_cdp_session(uploader)


def new_photo(side: int = 32) -> bytes:
    """Return a PNG of noise, which no one has uploaded before and which does not compress."""
    image = Image.frombytes("RGB", (side, side), os.urandom(3 * side * side))
    image.save(file := io.BytesIO(), "PNG")
    return file.getvalue()


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, body in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return folder


def row(page: Page, path: str) -> Locator:
    return page.get_by_role("listitem").filter(has_text=path)


def limit(connection: CDPSession, *, offline: bool = False, upload: int = -1) -> None:
    """Set the speed of the browser's connection."""
    rates = {"downloadThroughput": -1, "uploadThroughput": upload}
    connection.send("Network.emulateNetworkConditions", {"offline": offline, "latency": 0, **rates})


def drop(connection: CDPSession, target: Locator, path: Path) -> None:
    """Drop a file or a folder from the desktop."""
    box = target.bounding_box()
    assert box is not None
    point = {"x": box["x"] + 5, "y": box["y"] + 5}
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        connection.send("Input.dispatchDragEvent", {"type": kind, **point, "data": data})


def file_urls(page: Page) -> list[str]:
    """Return the list that receives the URL of each file once it has a ticket."""
    urls: list[str] = []

    def collect(request: Request) -> None:
        if request.url.endswith("/presigned-urls"):
            response = request.response()
            tickets = response.json()["data"] if response else []
            urls.extend(ticket["file_url"] for ticket in tickets if "file_url" in ticket)

    page.on("requestfinished", collect)
    return urls


def test_a_folder_is_uploaded_without_duplicates_and_refused_files(
    uploader: Page, connection: CDPSession, api_client: ApiClient, tmp_path: Path
) -> None:
    stored_url = api_client.upload(STORED, photo(STORED), "image/jpeg")
    api_client.wait_until_processed(
        api_client.create_product(name="Shoe", cover_image=stored_url)["id"]
    )
    new_body = new_photo()
    folder = write(
        tmp_path / "shoot",
        {
            "day1/new.png": new_body,
            "day2/copy.png": new_body,
            "day2/stored.jpg": photo(STORED),
            "logo.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            "empty.png": b"",
            ".DS_Store": b"x",
        },
    )
    urls = file_urls(uploader)

    drop(connection, uploader.locator(".uploader-drop"), folder)

    status = uploader.get_by_role("status")
    expect(status).to_have_text("5 files: 2 to send, 2 already there, 1 refused.")
    expect(row(uploader, "shoot/day2/stored.jpg")).to_contain_text("Already uploaded.")
    expect(row(uploader, "shoot/empty.png")).to_contain_text("Refused: The file is empty.")
    assert urls == []
    uploader.get_by_role("button", name="Upload 2 files").press("Enter")
    expect(status).to_have_text("5 files: 1 sent, 2 already there, 2 refused.")
    expect(row(uploader, "shoot/logo.svg")).to_contain_text("This is an SVG drawing.")
    product = api_client.create_product(name="New", images=urls)
    assert [image["file_size"] for image in product["images"]] == [len(new_body)]


def test_a_file_is_sent_in_spite_of_a_pause_and_a_lost_connection(
    uploader: Page, connection: CDPSession, api_client: ApiClient, tmp_path: Path
) -> None:
    body = new_photo(600)
    write(tmp_path, {"large.png": body})
    urls = file_urls(uploader)
    limit(connection, upload=UPLOADS_PER_SECOND)
    file, button = row(uploader, "large.png"), uploader.locator(".uploader-button")
    progress = file.get_by_role("progressbar")
    uploader.get_by_label("Choose files").set_input_files(tmp_path / "large.png")

    expect(button).to_have_text("Upload 1 file")
    button.press("Enter")
    expect(progress).not_to_have_js_property("value", 0)
    expect(button).to_have_text("Pause")
    button.press("Enter")
    expect(file).to_contain_text("Ready")
    button.press("Enter")
    expect(progress).not_to_have_js_property("value", 0)
    limit(connection, offline=True)
    expect(uploader.get_by_role("status")).to_contain_text("Waiting for the connection.")
    limit(connection)

    expect(file).to_contain_text("Sent")
    product = api_client.create_product(name="Large", cover_image=urls[0])
    assert product["cover_image"]["file_size"] == len(body)
    assert len(urls) == 1


@pytest.mark.parametrize(
    ("refused", "outcome"),
    [(1, "Sent"), (99, "Refused: The upload URL has expired.")],
)
def test_an_expired_ticket_is_replaced(
    uploader: Page, tmp_path: Path, refused: int, outcome: str
) -> None:
    folder = write(tmp_path / "shoot", {"day 1/shoe.png": new_photo(), ".hidden": b"x"})
    urls = file_urls(uploader)
    refused_urls: list[str] = []

    def refuse(route: Route) -> None:
        if route.request.method == "PUT" and len(refused_urls) < refused:
            refused_urls.append(route.request.url)
            route.fulfill(status=403, headers={"Access-Control-Allow-Origin": "*"})
        else:
            route.continue_()

    uploader.route("**/temp/**", refuse)
    uploader.get_by_label("Choose a folder").set_input_files(folder)
    uploader.get_by_role("button", name="Upload 1 file").click()

    expect(row(uploader, "shoot/day 1/shoe.png")).to_contain_text(outcome)
    assert len(set(refused_urls)) == len(refused_urls) == min(refused, 3)
    retry = uploader.get_by_role("button", name="Try shoot/day 1/shoe.png again")
    if refused > 1:
        uploader.unroute("**/temp/**")
        retry.press("Enter")
        expect(row(uploader, "shoot/day 1/shoe.png")).to_contain_text("Sent")
    expect(retry).to_be_hidden()
    assert len(set(urls)) == len(urls) == len(refused_urls) + 1


def test_a_file_can_be_hashed_by_a_page_of_another_origin(
    page: Page, running_product: Product
) -> None:
    """The module comes from another host name, so its worker needs a script of the page's own."""
    page.goto("/health/live")

    states: Any = page.evaluate(
        """async (module) => {
            const { Uploader } = await import(module);
            const transport = { prepare: async (items) => items.map(() => ({})) };
            const uploader = new Uploader(transport);
            const ready = new Promise((resolve) => uploader.addEventListener("change", () => {
                if (uploader.items[0].state === "ready") resolve();
            }));
            uploader.add([{ file: new File(["abc"], "a.txt"), path: "a.txt" }]);
            await ready;
            return uploader.items.map(({ sha256 }) => sha256);
        }""",
        f"{running_product.api.replace('127.0.0.1', 'localhost')}/static/media/uploader.js",
    )

    assert states == ["ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"]
