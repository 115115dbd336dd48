"""Uploads and products on real processes: web server, worker, broker, database and store."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from devstack.product import Product
from tests.flow.api_client import ApiClient, eventually, is_deleted, media_of, photo, sha256

pytestmark = pytest.mark.flow

FILES = {
    "aw26-oxford-shoe-front.jpg": "image/jpeg",
    "aw26-tote-bag-tan-cutout.png": "image/png",
    "aw26-tote-bag-tan-front.webp": "image/webp",
    "aw26-wool-scarf-detail.avif": "image/avif",
    "aw26-oxford-shoe-turntable.gif": "image/gif",
}


@pytest.fixture(params=["s3", "local"])
def running_product(
    request: pytest.FixtureRequest, live_product: Callable[..., Product]
) -> Product:
    return live_product(STORAGE=request.param)


@pytest.fixture
def api_client(running_product: Product) -> Iterator[ApiClient]:
    with ApiClient.member(running_product) as api_client:
        yield api_client


@pytest.fixture
def outsider(running_product: Product) -> Iterator[ApiClient]:
    with ApiClient.outsider(running_product) as outsider:
        yield outsider


@pytest.mark.covers("T01", "I01")
def test_uploaded_bytes_can_be_downloaded_unchanged(api_client: ApiClient) -> None:
    bodies = {name: photo(name) for name in FILES}
    urls = [api_client.upload(name, body, FILES[name]) for name, body in bodies.items()]

    product = api_client.create_product(name="Oxford", cover_image=urls[0], images=urls[1:])

    images = media_of(api_client.wait_until_processed(product["id"]))
    assert [image["status"] for image in images] == ["ready"] * 5
    for media, (name, body) in zip(images, bodies.items(), strict=True):
        response = api_client.download(media)
        assert sha256(response.content) == sha256(body)
        assert response.headers["content-type"] == FILES[name]
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert api_client.resource(media["resource_id"])["sha256"] == sha256(body)
    eventually(lambda: [is_deleted(url) for url in urls], all)


@pytest.mark.covers("T39", "I03")
def test_a_photo_with_two_names_is_stored_once_for_each_owner(
    api_client: ApiClient, outsider: ApiClient
) -> None:
    front_photo = photo("aw26-oxford-shoe-front.jpg")
    hero_photo = photo("aw26-oxford-shoe-hero.jpg")
    urls = [
        api_client.upload("front.jpg", front_photo, "image/jpeg"),
        api_client.upload("hero.jpg", hero_photo, "image/jpeg"),
    ]
    foreign_url = outsider.upload("stolen.jpg", front_photo, "image/jpeg")

    product = api_client.create_product(name="Oxford", cover_image=urls[0], back_image=urls[1])
    outsiders_product = outsider.create_product(name="Oxford", cover_image=foreign_url)

    first, second = media_of(api_client.wait_until_processed(product["id"]))
    [foreign_image] = media_of(outsider.wait_until_processed(outsiders_product["id"]))
    assert first["resource_id"] == second["resource_id"] != foreign_image["resource_id"]
    assert len(api_client.resource(first["resource_id"])["attachments"]) >= 2
    assert api_client.download(foreign_image).content == front_photo
    eventually(lambda: [is_deleted(url) for url in [*urls, foreign_url]], all)


@pytest.mark.covers("T01", "T02")
def test_a_put_that_differs_from_the_presigned_request_is_rejected(api_client: ApiClient) -> None:
    ticket = api_client.presign("a.jpg", "image/jpeg", 1000)
    url, headers = ticket["upload_url"], ticket["upload_headers"]

    other_type_response = httpx.put(url, content=b"x" * 1000, headers={"content-type": "text/html"})
    other_length_response = httpx.put(url, content=b"x" * 999, headers=headers)
    anonymous_response = httpx.put(url.split("?")[0].rsplit("/", 1)[0] + "/b", content=b"x" * 1000)

    assert other_type_response.status_code == 403
    assert other_length_response.status_code == 403
    assert anonymous_response.status_code in {403, 404, 405}
    assert is_deleted(ticket["file_url"])


def test_a_client_that_sends_only_its_content_type_succeeds(api_client: ApiClient) -> None:
    ticket = api_client.presign("plain.jpg", "image/jpeg")
    body = photo("aw26-oxford-shoe-on-location.jpg")

    upload = httpx.put(ticket["upload_url"], content=body, headers={"content-type": "image/jpeg"})
    product = api_client.create_product(name="Plain", cover_image=ticket["file_url"])

    assert upload.status_code in {200, 201, 204}
    [media] = media_of(api_client.wait_until_processed(product["id"]))
    assert api_client.download(media).content == body


@pytest.mark.covers("T30", "T31", "I14")
def test_files_of_another_type_are_reported_at_their_field(api_client: ApiClient) -> None:
    jpeg = photo("aw26-oxford-shoe-front.jpg")
    urls = {
        "content_type_mismatch": api_client.upload("page.png", jpeg, "image/png"),
        "file_truncated": api_client.upload("cut.jpg", jpeg[: len(jpeg) // 2], "image/jpeg"),
        "file_not_found": api_client.presign("never-sent.jpg", "image/jpeg")["file_url"],
    }
    good_url = api_client.upload("good.jpg", jpeg, "image/jpeg")

    response = api_client.create(name="Refused", sku="REFUSED", images=[*urls.values(), good_url])

    assert response.status_code == 422
    issues = {issue["type"]: issue for issue in response.json()["detail"]}
    assert set(issues) == set(urls)
    assert [issue["loc"] for issue in issues.values()] == [["body", "images", i] for i in range(3)]
    assert {kind: issue["input"] for kind, issue in issues.items()} == urls
    products = api_client.http.get(
        "/api/v1/products/", params={**api_client.owner_parameters, "sku": "REFUSED"}
    )
    assert products.json()["count"] == 0
    eventually(lambda: is_deleted(urls["content_type_mismatch"]), bool)
    assert not is_deleted(good_url)
