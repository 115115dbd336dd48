from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import MembershipFactory, UserFactory, client_of
from media.models import Attachment, MediaResource
from media.rules.failures import sentence_for
from media.storage.testing.memory import MemoryStore
from media.tests.factories import ingest, photo, ready_resource, upload_file
from sartiq.core.models import new_id

pytestmark = pytest.mark.django_db

ROUTE = "/api/v1/media-resources/"


def ids_listed(client: APIClient, query: str = "") -> list[str]:
    response = client.get(f"{ROUTE}?{query}")
    assert response.status_code == 200, response.json()
    body = response.json()
    assert body["count"] == len(body["data"])
    return [row["id"] for row in body["data"]]


def test_a_resource_is_returned_with_all_its_fields(
    client: APIClient, user: User, memory: MemoryStore
) -> None:
    resource = ready_resource(memory, user, photo(1, size=(30, 20)))
    attachment = Attachment.objects.get()

    body = client.get(f"{ROUTE}{resource.pk}").json()

    assert body == {
        "id": str(resource.pk),
        "user_id": str(user.pk),
        "organization_id": None,
        "resource_type": "image",
        "status": "ready",
        "failure_code": None,
        "failure": None,
        "url": f"{settings.CDN_URL}/media/{resource.pk}/file.png",
        "thumbnail_url": f"{settings.CDN_URL}/media/{resource.pk}/thumb.webp",
        "filename": "shoe.png",
        "sha256": resource.content_hash,
        "etag": resource.etag,
        "content_type": "image/png",
        "extension": "png",
        "file_size": resource.file_size,
        "width": 30,
        "height": 20,
        "dominant_color": resource.dominant_color,
        "color_profile": None,
        "duration": None,
        "alt_text": None,
        "caption": None,
        "protected": False,
        "attachments": [
            {
                "id": str(attachment.pk),
                "entity_type": "product",
                "entity_id": str(attachment.entity_id),
                "slot": "images",
                "position": 0,
                "created_at": body["attachments"][0]["created_at"],
            }
        ],
        **{name: body[name] for name in ("created_at", "updated_at")},
        "deleted_at": None,
    }


def test_a_failed_resource_says_why_and_has_no_url(
    client: APIClient, user: User, memory: MemoryStore
) -> None:
    (resource,) = ingest(user, [upload_file(memory, user)])
    MediaResource.objects.update(status="FAILED", failure_code="decode_limit")

    body = client.get(f"{ROUTE}{resource.pk}").json()

    assert (body["status"], body["failure_code"], body["url"]) == ("failed", "decode_limit", None)
    assert body["failure"] == {"code": "decode_limit", "message": sentence_for("decode_limit")}


@pytest.mark.covers("T40", "I13")
def test_another_owners_resource_is_a_404_like_a_missing_one(
    client: APIClient, memory: MemoryStore
) -> None:
    other_user = UserFactory.create()
    resource = ready_resource(memory, other_user)

    responses = [
        response
        for pk in (resource.pk, uuid4())
        for response in (
            client.get(f"{ROUTE}{pk}"),
            client.patch(f"{ROUTE}{pk}", {"alt_text": "Mine"}),
        )
    ]

    assert {(response.status_code, response.content) for response in responses} == {
        (404, b'{"detail":"Media resource not found"}')
    }
    assert ids_listed(client) == []
    assert ids_listed(client_of(UserFactory.create(superuser=True))) == [str(resource.pk)]


def test_resources_are_filtered(client: APIClient, user: User, memory: MemoryStore) -> None:
    organization = MembershipFactory.create(user=user).organization
    entity_id = new_id()
    (first,) = ingest(user, [upload_file(memory, user, photo(1))], entity_id=entity_id)
    (second,) = ingest(user, [upload_file(memory, user, photo(2))])
    (third,) = ingest(user, [upload_file(memory, user, photo(1))], organization_id=organization.pk)
    MediaResource.objects.filter(pk=second.pk).update(status="FAILED", failure_code="decode_limit")
    ids = {name: str(row.pk) for name, row in (("a", first), ("b", second), ("c", third))}

    listings = {
        query: ids_listed(client, query)
        for query in (
            "",
            f"organization_id={organization.pk}",
            f"entity_id={entity_id}",
            f"entity_type=product&entity_id={entity_id}",
            "entity_type=look",
            "status=failed",
            "status=pending",
            f"sha256={first.content_hash.upper()}",
        )
    }

    assert list(listings.values()) == [
        [ids["a"], ids["b"], ids["c"]],
        [ids["c"]],
        [ids["a"]],
        [ids["a"]],
        [],
        [ids["b"]],
        [ids["a"], ids["c"]],
        [ids["a"], ids["c"]],
    ]


def test_entity_type_and_id_must_match_the_same_attachment(
    client: APIClient, user: User, memory: MemoryStore
) -> None:
    product, look = new_id(), new_id()
    (attachment,) = ingest(user, [upload_file(memory, user)], entity_id=product)
    for slot in ("reference_images", "other"):
        Attachment.objects.create(
            resource=attachment, entity_type="LOOK", entity_id=look, slot=slot
        )

    assert ids_listed(client, f"entity_type=look&entity_id={product}") == []
    assert ids_listed(client, f"entity_type=product&entity_id={look}") == []
    assert ids_listed(client, f"entity_type=look&entity_id={look}") == [str(attachment.pk)]
    assert ids_listed(client, "entity_type=look") == [str(attachment.pk)]


@pytest.mark.parametrize(
    ("query", "name", "code"),
    [
        ("status=FAILED", "status", "enum"),
        ("status=zz", "status", "enum"),
        ("entity_id=x", "entity_id", "uuid_parsing"),
        ("organization_id=x", "organization_id", "uuid_parsing"),
        ("entity_type=zz", "entity_type", "enum"),
        ("sha256=zz", "sha256", "value_error"),
        (f"sha256={'a' * 65}", "sha256", "value_error"),
        ("limit=0", "limit", "too_small"),
    ],
)
def test_an_invalid_filter_is_reported(client: APIClient, query: str, name: str, code: str) -> None:
    response = client.get(f"{ROUTE}?{query}")

    assert response.status_code == 422
    issue = response.json()["detail"][0]
    assert (issue["loc"], issue["type"]) == (["query", name], code)


def test_filtering_by_another_organization_is_refused(client: APIClient) -> None:
    response = client.get(f"{ROUTE}?organization_id=00000000-0000-7000-8000-000000000000")

    assert response.status_code == 403


@pytest.mark.covers("T48")
def test_a_list_takes_three_queries(
    client: APIClient,
    user: User,
    memory: MemoryStore,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    ingest(user, [upload_file(memory, user, photo(number)) for number in range(10)])

    with django_assert_max_num_queries(3):
        assert len(ids_listed(client)) == 10


@pytest.mark.covers("T41", "T44")
def test_a_patch_sets_only_unknown_measurements(
    client: APIClient, user: User, memory: MemoryStore
) -> None:
    resource = ready_resource(memory, user)
    before = client.get(f"{ROUTE}{resource.pk}").json()
    read_only_fields = {
        name: value
        for name, value in before.items()
        if name not in {"alt_text", "caption", "color_profile", "duration"}
    }
    change: dict[str, Any] = dict.fromkeys(read_only_fields, "x") | {
        "width": 1,
        "height": 1,
        "dominant_color": "#000000",
        "alt_text": "A shoe",
    }

    after = client.patch(f"{ROUTE}{resource.pk}", change).json()

    assert after == before | {"alt_text": "A shoe", "updated_at": after["updated_at"]}


@pytest.mark.parametrize("second_text", ["Another", " two\n lines ", " ", "", None])
def test_a_second_patch_of_a_text_is_stored(
    client: APIClient, user: User, memory: MemoryStore, second_text: str | None
) -> None:
    path = f"{ROUTE}{ready_resource(memory, user).pk}"
    client.patch(path, {"alt_text": "A shoe", "caption": "Ours"})

    response = client.patch(path, {"alt_text": second_text})

    assert (response.status_code, response.json()["alt_text"]) == (200, second_text)
    assert client.get(path).json() == response.json()
    assert response.json()["caption"] == "Ours"


@pytest.mark.parametrize(
    ("sent_fields", "code"),
    [
        ({"width": 0}, "too_small"),
        ({"width": 16_384}, "too_large"),
        ({"height": "5"}, "int_parsing"),
        ({"duration": -1}, "too_small"),
        ({"dominant_color": "red"}, "value_error"),
        ({"alt_text": "x" * 1001}, "string_too_long"),
        ({"caption": 5}, "string_type"),
    ],
)
def test_an_invalid_patch_is_reported(
    client: APIClient, user: User, memory: MemoryStore, sent_fields: dict[str, Any], code: str
) -> None:
    (resource,) = ingest(user, [upload_file(memory, user)])

    response = client.patch(f"{ROUTE}{resource.pk}", sent_fields)

    (issue,) = response.json()["detail"]
    assert (response.status_code, issue["loc"], issue["type"]) == (
        422,
        ["body", *sent_fields],
        code,
    )


def test_only_superusers_may_heal(
    client: APIClient, user: User, superuser: User, memory: MemoryStore
) -> None:
    ingest(user, [upload_file(memory, user, photo(number)) for number in range(2)])
    MediaResource.objects.update(status="FAILED", failure_code="attempts_exhausted")

    assert client.post(f"{ROUTE}heal").status_code == 403
    assert not MediaResource.objects.exclude(status="FAILED").exists()
    response = client_of(superuser).post(f"{ROUTE}heal")

    assert (response.status_code, response.json()) == (202, {"queued": 2})
    assert not MediaResource.objects.exclude(status="PENDING").exists()
