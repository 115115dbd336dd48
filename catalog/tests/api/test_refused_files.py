"""Refused files of a product: nothing is created or changed."""

from typing import Any

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import UserFactory
from catalog.models import Product
from catalog.tests.api.product_requests import PRODUCTS, create
from media.errors import StoreUnavailableError
from media.models import MediaResource, Upload, UploadState
from media.storage.testing.memory import MemoryStore
from media.tests.factories import counts, drain, photo, ready_resource, upload_file
from sartiq.core.models import new_id

pytestmark = pytest.mark.django_db


def issues(response: Any) -> list[tuple[list[Any], str]]:
    return [(issue["loc"], issue["type"]) for issue in response.json()["detail"]]


@pytest.mark.covers("I14")
def test_a_bad_file_is_reported_and_nothing_is_created(
    client: APIClient, user: User, memory: MemoryStore
) -> None:
    good_url = upload_file(memory, user, photo(1))
    wrong_url = upload_file(memory, user, b"%PDF-1.4 not an image")
    unknown_url = f"{settings.CDN_URL}/temp/{new_id()}_1700000000_shoe.png"
    foreign_url = (
        f"{settings.CDN_URL}/{ready_resource(memory, UserFactory.create(), photo(2)).storage_key}"
    )

    response = client.post(
        PRODUCTS,
        {
            "name": "Shoe",
            "cover_image": wrong_url,
            "back_image": "https://example.com/x.png",
            "images": [good_url, unknown_url, foreign_url],
        },
    )

    assert response.status_code == 422
    assert issues(response) == [
        (["body", "cover_image"], "content_type_mismatch"),
        (["body", "back_image"], "file_not_found"),
        (["body", "images", 1], "file_not_found"),
        (["body", "images", 2], "file_not_found"),
    ]
    assert response.json()["detail"][0]["input"] == wrong_url
    assert not any("http" in issue["msg"] for issue in response.json()["detail"])
    assert not Product.objects.exists()
    assert MediaResource.objects.filter(user=user).count() == 0
    drain()
    assert len(memory.keys("temp/")) == 1


@pytest.mark.covers("I14")
def test_a_refused_patch_changes_nothing(
    client: APIClient, user: User, memory: MemoryStore
) -> None:
    product = create(client, images=[upload_file(memory, user, photo(1))])
    before = counts()

    response = client.patch(
        f"{PRODUCTS}{product['id']}", {"name": "New", "images": [], "cover_image": "nonsense"}
    )

    assert issues(response) == [(["body", "cover_image"], "file_not_found")]
    assert client.get(f"{PRODUCTS}{product['id']}").json() == product
    assert counts() == before


@pytest.mark.covers("I14")
def test_a_taken_sku_claims_no_file(client: APIClient, user: User, memory: MemoryStore) -> None:
    create(client, sku="A-1")
    url = upload_file(memory, user)

    response = client.post(PRODUCTS, {"name": "Two", "sku": "A-1", "cover_image": url})

    assert response.status_code == 409
    assert not MediaResource.objects.exists()
    assert Upload.objects.get().state == UploadState.ISSUED


def test_at_most_fifty_images_are_accepted(
    client: APIClient, user: User, memory: MemoryStore
) -> None:
    url = upload_file(memory, user)

    too_many_response = client.post(PRODUCTS, {"name": "Shoe", "images": [url] * 51})
    too_many_with_cover_response = client.post(
        PRODUCTS, {"name": "Shoe", "cover_image": url, "images": [url] * 50}
    )
    accepted_response = client.post(PRODUCTS, {"name": "Shoe", "images": [url] * 50})

    assert issues(too_many_response) == [(["body", "images"], "too_many")]
    assert issues(too_many_with_cover_response) == [(["body"], "too_many")]
    assert [image["position"] for image in accepted_response.json()["images"]] == list(range(50))


@pytest.mark.parametrize(
    ("sent_fields", "loc", "code"),
    [
        ({"cover_image": 5}, ["body", "cover_image"], "string_type"),
        ({"cover_image": ["x"]}, ["body", "cover_image"], "string_type"),
        ({"cover_image": ""}, ["body", "cover_image"], "string_empty"),
        ({"cover_image": "x" * 2049}, ["body", "cover_image"], "string_too_long"),
        ({"images": "x"}, ["body", "images"], "list_type"),
        ({"images": [None]}, ["body", "images", 0], "null_not_allowed"),
    ],
)
def test_malformed_images_are_reported(
    client: APIClient, sent_fields: dict[str, Any], loc: list[Any], code: str
) -> None:
    response = client.post(PRODUCTS, {"name": "Shoe"} | sent_fields)

    assert (response.status_code, issues(response)) == (422, [(loc, code)])


@pytest.mark.covers("F14", "I14")
def test_nothing_is_created_during_a_store_outage(
    client: APIClient, user: User, memory: MemoryStore
) -> None:
    url = upload_file(memory, user)

    def fail(operation: str, key: str) -> None:
        raise StoreUnavailableError

    memory.before = fail
    response = client.post(PRODUCTS, {"name": "Shoe", "cover_image": url})

    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert response.json() == {"detail": "Service temporarily unavailable"}
    assert not Product.objects.exists()
    assert client.post(PRODUCTS, {"name": "No file"}).status_code == 201
