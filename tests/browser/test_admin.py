"""The work of staff in the admin, in a real browser on the running product."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from catalog.admin.loras import MAX_FIELDS_BYTES
from catalog.rules.lora import MAX_SIZE
from devstack.product import Product
from tests.flow.api_client import ApiClient, photo

pytestmark = pytest.mark.browser
MODELS = (
    *("Media resources", "Uploads", "Attachments", "Object deletions"),
    *("Products", "Subjects", "Looks", "Guidelines", "Production requests", "LoRA models"),
    *("Users", "Organizations", "Memberships", "Idempotency keys"),
)


@pytest.fixture
def admin(page: Page, running_product: Product) -> Page:
    person = running_product.users["superuser"]
    page.goto("/admin/")
    page.get_by_label("Email").fill(person.email)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{running_product.api}/admin/")
    return page


@pytest.fixture
def api_client(running_product: Product) -> Iterator[ApiClient]:
    with ApiClient.member(running_product) as api_client:
        yield api_client


@pytest.fixture
def shoe(api_client: ApiClient, request: pytest.FixtureRequest) -> dict[str, Any]:
    """A product with a READY photo, named after the test."""
    name = "aw26-oxford-shoe-front.jpg"
    url = api_client.upload(name, photo(name), "image/jpeg")
    product = api_client.create_product(name=request.node.name, cover_image=url)
    return api_client.wait_until_processed(product["id"])


@pytest.fixture
def lora_file(tmp_path: Path) -> Path:
    tensor = {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
    header = json.dumps(tensor).encode()
    path = tmp_path / "ada.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    return path


def test_the_home_page_links_to_every_model(admin: Page) -> None:
    home = admin.locator("table a")

    for model in MODELS:
        expect(home.get_by_text(model, exact=True)).to_be_visible()


def test_a_ready_photo_is_shown_in_the_list(admin: Page, shoe: dict[str, Any]) -> None:
    resource_id = shoe["cover_image"]["resource_id"]

    admin.goto(f"/admin/media/mediaresource/?q={resource_id}")

    image = admin.locator("#result_list img").first
    expect(image).to_be_visible()
    admin.wait_for_function("document.querySelector('#result_list img').naturalWidth > 0")
    assert resource_id in str(image.get_attribute("src"))


def test_a_lora_model_can_be_uploaded(
    admin: Page, running_product: Product, lora_file: Path, api_client: ApiClient
) -> None:
    subject = api_client.http.post(
        "/api/v1/subjects/", params=api_client.owner_parameters, json={"name": "Ada", "slug": "ada"}
    )
    assert subject.status_code == 201, subject.text

    admin.goto("/admin/catalog/loramodel/add/")
    admin.locator(".select2-selection").first.click()
    admin.locator(".select2-search__field").fill("Ada")
    admin.locator(".select2-results__option", has_text="Ada").first.click()
    admin.locator("input[type=file]").set_input_files(lora_file)
    admin.locator("input[name=trigger]").fill("ohwx")
    admin.get_by_role("button", name="Save and continue editing").click()

    admin.wait_for_url("**/change/**")
    model_id = admin.url.split("/loramodel/")[1].split("/")[0]
    fields = admin.locator("body")
    for text in (
        f"loras/{model_id}/ada.safetensors",
        "Partial path",
        "ada.safetensors",
        str(lora_file.stat().st_size),
        "Upload timestamp",
        "Clean",
    ):
        expect(fields).to_contain_text(text)
    with admin.expect_download() as download:
        admin.get_by_role("link", name="Download (").click()
    assert Path(download.value.path()).read_bytes() == lora_file.read_bytes()


def test_a_model_that_is_too_large_is_rejected_at_its_field(
    admin: Page, running_product: Product, tmp_path: Path
) -> None:
    path = tmp_path / "huge.safetensors"
    with path.open("wb") as file:
        file.truncate(MAX_SIZE + MAX_FIELDS_BYTES + 1)  # even the request is too large

    admin.goto("/admin/catalog/loramodel/add/")
    admin.locator("input[type=file]").set_input_files(path)
    admin.get_by_role("button", name="Save", exact=True).click()

    expect(admin.get_by_text("The file is larger than 100 MiB.")).to_be_visible()


def test_a_product_can_be_deleted(
    admin: Page, shoe: dict[str, Any], api_client: ApiClient, request: pytest.FixtureRequest
) -> None:
    admin.goto(f"/admin/catalog/product/{shoe['id']}/change/")
    admin.get_by_role("link", name="Delete product").click()
    admin.get_by_role("button", name="Yes, I").click()

    admin.wait_for_url("**/admin/catalog/product/")
    assert api_client.http.get(f"/api/v1/products/{shoe['id']}").status_code == 404
    resource = api_client.resource(shoe["cover_image"]["resource_id"])
    assert resource["status"] == "ready"


@pytest.mark.parametrize(
    ("path", "selector"), [("/docs", ".opblock"), ("/redoc", "[data-section-id], .menu-content")]
)
def test_the_api_pages_need_no_other_host(
    page: Page, path: str, selector: str, running_product: Product
) -> None:
    """The `page` fixture checks the hosts of all requests."""
    page.goto(path)

    page.locator(selector).first.wait_for()
    expect(page.get_by_text("presigned-url").first).to_be_attached()
