"""The file name in responses: of the upload that a resource was created from."""

from typing import Any

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import client_of
from catalog.tests.api.product_requests import PRODUCTS, create
from catalog.tests.conftest import Team
from media.models import MediaResource
from media.storage.testing.memory import MemoryStore
from media.tests.factories import drain, key_of, photo, ready_resource, upload_file, upload_of
from media.tests.rules.test_keys import BASE_NAMES

pytestmark = pytest.mark.django_db

RESOURCES = "/api/v1/media-resources/"


def canonical_url(resource: MediaResource) -> str:
    return f"{settings.CDN_URL}/{resource.storage_key}"


def create_for(team: Team, client: APIClient, **fields: Any) -> dict[str, Any]:
    return create(client, f"?organization_id={team.organization.pk}", **fields)


@pytest.mark.parametrize(("filename", "expected"), BASE_NAMES)
def test_the_name_is_that_of_the_upload_without_folders(
    client: APIClient, user: User, memory: MemoryStore, filename: str, expected: str
) -> None:
    url = upload_file(memory, user, filename=filename)

    cover = create(client, cover_image=url)["cover_image"]

    assert cover["filename"] == (expected or None)
    resource = client.get(f"{RESOURCES}{cover['resource_id']}").json()
    assert resource["filename"] == cover["filename"]
    listed_resource = client.get(RESOURCES).json()["data"][0]
    assert listed_resource["filename"] == cover["filename"]


def test_a_long_name_is_truncated(client: APIClient, user: User, memory: MemoryStore) -> None:
    url = upload_file(memory, user, filename="é" * 10_000)

    assert create(client, cover_image=url)["cover_image"]["filename"] == "é" * 255


def test_the_same_bytes_keep_their_first_name(
    client: APIClient, user: User, memory: MemoryStore
) -> None:
    names = ("first.png", "second.png", "third.png")
    first, second, third = (upload_file(memory, user, filename=name) for name in names)

    images = create(client, images=[first, second])["images"]
    drain()
    later_cover = create(client, cover_image=third)["cover_image"]

    assert [media["filename"] for media in (*images, later_cover)] == ["first.png"] * 3
    assert MediaResource.objects.count() == 1


def test_the_same_bytes_replace_a_lost_object_but_not_its_name(
    client: APIClient, user: User, memory: MemoryStore
) -> None:
    resource = ready_resource(memory, user, filename="first.png")
    memory.delete_many([resource.storage_key])

    url = upload_file(memory, user, filename="second.png")
    cover = create(client, cover_image=url)["cover_image"]

    assert (cover["resource_id"], cover["filename"]) == (str(resource.pk), "first.png")
    assert cover["status"] == "pending"


def test_a_copy_for_an_organization_has_the_name_of_the_upload_that_the_caller_sends(
    client: APIClient, user: User, memory: MemoryStore, team: Team
) -> None:
    ready_resource(memory, user, filename="first.png")
    url = upload_file(memory, user, filename="day 2/second.png")
    personal_cover = create(client, cover_image=url)["cover_image"]

    shared_cover = create_for(team, client, cover_image=url)["cover_image"]

    assert (
        upload_of(url).resource_id == MediaResource.objects.get(pk=personal_cover["resource_id"]).pk
    )
    assert personal_cover["filename"] == "first.png"
    assert shared_cover["resource_id"] != personal_cover["resource_id"]
    assert shared_cover["filename"] == "second.png"


def test_a_copy_of_a_resource_has_its_name(
    client: APIClient, user: User, memory: MemoryStore, team: Team
) -> None:
    resource = ready_resource(memory, user, filename="first.png")

    shared_cover = create_for(team, client, cover_image=canonical_url(resource))["cover_image"]

    assert shared_cover["resource_id"] != str(resource.pk)
    assert shared_cover["filename"] == "first.png"


def test_another_owner_of_the_same_bytes_sees_only_their_own_name(
    client: APIClient, user: User, memory: MemoryStore, team: Team
) -> None:
    resource = ready_resource(memory, user, photo(1), filename="secret.png")
    outsider_client = client_of(team.outsider)
    url = upload_file(memory, team.outsider, photo(1), filename="mine.png")

    product = create(outsider_client, cover_image=url)
    refused_response = outsider_client.post(
        PRODUCTS, {"name": "Boot", "cover_image": canonical_url(resource)}
    )

    assert product["cover_image"]["filename"] == "mine.png"
    assert refused_response.status_code == 422
    responses = [
        refused_response,
        outsider_client.get(RESOURCES),
        outsider_client.get(f"{RESOURCES}?sha256={resource.content_hash}"),
        outsider_client.get(f"{RESOURCES}{resource.pk}"),
        outsider_client.get(f"{PRODUCTS}{product['id']}"),
        outsider_client.get(f"/api/v1/uploads/{upload_of(url).pk}"),
    ]
    assert not [response for response in responses if b"secret" in response.content]
    assert client.get(f"{RESOURCES}{resource.pk}").json()["filename"] == "secret.png"


def test_a_caller_cannot_rename_a_file(client: APIClient, user: User, memory: MemoryStore) -> None:
    resource = ready_resource(memory, user, filename="first.png")

    body = client.patch(f"{RESOURCES}{resource.pk}", {"filename": "x.png", "caption": "c"}).json()

    assert (body["filename"], body["caption"]) == ("first.png", "c")


def test_a_row_of_an_earlier_release_has_no_name(
    client: APIClient, user: User, memory: MemoryStore
) -> None:
    resource = ready_resource(memory, user)
    MediaResource.objects.update(filename="")

    media = create(client, cover_image=canonical_url(resource))["cover_image"]

    assert media["filename"] is None
    assert client.get(f"{RESOURCES}{resource.pk}").json()["filename"] is None
    assert key_of(media["url"]) == resource.storage_key
