"""The files of an entity: the accepted URLs, the responses, and each slot."""

from typing import Any

import pytest
from django.conf import settings
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from catalog.tests.api.product_requests import PRODUCTS, create
from media.api.serializers import MediaOut
from media.models import Attachment, MediaResource, ObjectDeletion
from media.rules.failures import sentence_for
from media.selectors import public_url
from media.storage.testing.memory import MemoryStore
from media.tests.factories import drain, photo, ready_resource, upload_file

pytestmark = pytest.mark.django_db


def test_using_the_same_photo_again_repairs_a_missing_object(
    client: APIClient, user: User, memory: MemoryStore
) -> None:
    resource = ready_resource(memory, user, photo(1))
    first = create(client, cover_image=public_url(resource.storage_key))
    memory.delete_many([resource.storage_key])

    second = create(client, cover_image=upload_file(memory, user, photo(1)))
    drain()

    media = [
        client.get(f"{PRODUCTS}{entity['id']}").json()["cover_image"] for entity in (first, second)
    ]
    assert [media_file["resource_id"] for media_file in media] == [str(resource.pk)] * 2
    assert [media_file["status"] for media_file in media] == ["ready"] * 2
    assert memory.body(resource.storage_key) == photo(1)


def pending_cover(resource: MediaResource, *, url: str, size: int) -> dict[str, Any]:
    """Return the response for a pending cover of 30 by 20 pixels."""
    return {
        "resource_id": str(resource.pk),
        "slot": "cover_image",
        "position": None,
        "status": "pending",
        "url": url,
        "thumbnail_url": None,
        "content_type": "image/png",
        "failure": None,
        "filename": "shoe.png",
        "file_size": size,
        "width": 30,
        "height": 20,
        "dominant_color": None,
        "alt_text": None,
    }


def test_a_file_is_shown_pending_then_ready_then_failed(
    client: APIClient, user: User, memory: MemoryStore
) -> None:
    body = photo(1, size=(30, 20))
    url = upload_file(memory, user, body)

    cover = create(client, cover_image=url)["cover_image"]

    resource = MediaResource.objects.get()
    media = pending_cover(resource, url=url, size=len(body))
    assert cover == media
    assert list(cover) == list(MediaOut().fields)

    def cover_image() -> Any:
        return client.get(PRODUCTS).json()["data"][0]["cover_image"]

    drain()
    resource.refresh_from_db()
    assert resource.dominant_color is not None
    ready_fields = {"status": "ready", "dominant_color": resource.dominant_color}
    folder = f"{settings.CDN_URL}/media/{resource.pk}"
    url_fields = {"url": f"{folder}/file.png", "thumbnail_url": f"{folder}/thumb.webp"}
    assert cover_image() == media | ready_fields | url_fields

    MediaResource.objects.update(status="FAILED", failure_code="file_truncated")
    failure = {"code": "file_truncated", "message": sentence_for("file_truncated")}
    failed_fields = {"status": "failed", "url": None, "failure": failure}
    assert cover_image() == media | ready_fields | failed_fields

    MediaResource.objects.update(failure_code="code_of_a_later_release")
    unknown_failure = cover_image()["failure"]
    assert unknown_failure["code"] == "code_of_a_later_release"
    assert unknown_failure["message"] == "The file could not be used. Upload it again."


@pytest.mark.parametrize(
    ("route", "slot", "holds_list"),
    [
        (PRODUCTS, "cover_image", False),
        (PRODUCTS, "back_image", False),
        (PRODUCTS, "images", True),
        ("/api/v1/subjects/", "cover_image", False),
        ("/api/v1/looks/", "reference_images", True),
        ("/api/v1/guidelines/", "images", True),
    ],
)
def test_each_slot_of_each_entity_takes_files(
    client: APIClient, user: User, memory: MemoryStore, route: str, slot: str, *, holds_list: bool
) -> None:
    urls = [upload_file(memory, user, photo(number)) for number in range(3)]
    value = urls if holds_list else urls[0]

    body = client.post(route, {"name": "One", slot: value}).json()

    media = body[slot] if holds_list else [body[slot]]
    expected = list(enumerate(urls)) if holds_list else [(None, urls[0])]
    assert [
        (media_file["slot"], media_file["position"], media_file["url"]) for media_file in media
    ] == [(slot, position, url) for position, url in expected]
    assert client.patch(f"{route}{body['id']}", {"name": "Two"}).json()[slot] == body[slot]

    body_after_clearing = client.patch(
        f"{route}{body['id']}", {slot: [] if holds_list else None}
    ).json()
    assert body_after_clearing[slot] == ([] if holds_list else None)
    assert not Attachment.objects.exists()
    assert not MediaResource.objects.filter(unattached_at__isnull=True).exists()

    second_body = client.patch(f"{route}{body['id']}", {slot: value}).json()
    assert second_body[slot] == body[slot]
    assert client.delete(f"{route}{body['id']}").status_code == 204
    assert not MediaResource.objects.filter(unattached_at__isnull=False).exists()


def test_a_list_is_replaced_by_canonical_and_fresh_urls_in_any_order(
    client: APIClient, user: User, memory: MemoryStore
) -> None:
    resource = ready_resource(memory, user, photo(1))
    new_url = upload_file(memory, user, photo(2))
    stored_url = f"{settings.CDN_URL}/{resource.storage_key}"
    product = create(client, images=[stored_url])

    media = client.patch(
        f"{PRODUCTS}{product['id']}", {"images": [new_url, stored_url, new_url]}
    ).json()

    assert [(image["position"], image["url"]) for image in media["images"]] == [
        (0, new_url),
        (1, stored_url),
        (2, new_url),
    ]
    assert MediaResource.objects.count() == 2


@pytest.mark.parametrize("empty_value", [None, []])
def test_null_clears_a_list_like_an_empty_one(
    client: APIClient, user: User, memory: MemoryStore, empty_value: list[str] | None
) -> None:
    product = client.post(PRODUCTS, {"name": "Shoe", "images": [upload_file(memory, user)]}).json()

    response = client.patch(f"{PRODUCTS}{product['id']}", {"images": empty_value})

    assert len(product["images"]) == 1
    assert (response.status_code, response.json()["images"]) == (200, [])


def test_creation_with_files_costs_few_queries(
    client: APIClient,
    user: User,
    memory: MemoryStore,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    url = upload_file(memory, user)

    with django_assert_max_num_queries(20):
        create(client, cover_image=url)


def test_a_list_takes_no_query_for_each_file(
    client: APIClient,
    user: User,
    memory: MemoryStore,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(5):
        url = upload_file(memory, user, photo(number), filename=f"{number}.png")
        create(client, cover_image=url)

    with django_assert_num_queries(3):  # the caller, rows, media
        rows = client.get(PRODUCTS).json()["data"]

    assert [row["cover_image"]["status"] for row in rows] == ["pending"] * 5
    assert [row["cover_image"]["filename"] for row in rows] == [f"{n}.png" for n in range(5)]


@pytest.mark.covers("I14")
def test_a_deleted_product_keeps_its_files_attached(
    client: APIClient, user: User, memory: MemoryStore
) -> None:
    product = create(client, cover_image=upload_file(memory, user))
    drain()
    before = memory.keys()

    assert client.delete(f"{PRODUCTS}{product['id']}").status_code == 204

    assert memory.keys() == before
    assert not ObjectDeletion.objects.exists()
    assert MediaResource.objects.get().unattached_at is None
