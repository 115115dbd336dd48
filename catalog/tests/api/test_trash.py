"""Deleted entities: invisible, listed with `?deleted=true`, and restored as they were."""

from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import client_of
from catalog.tests.api.entity_kinds import FULL_BODIES, KINDS
from catalog.tests.api.test_entities import create, route
from catalog.tests.conftest import Team
from media.storage.testing.memory import MemoryStore
from media.tests.factories import photo, upload_file
from sartiq.core.models import Event

pytestmark = pytest.mark.django_db
each_kind = pytest.mark.parametrize("kind", KINDS)
IMAGES = {
    "products": "images",
    "looks": "reference_images",
    "guidelines": "images",
}
TAKEN_MESSAGE = "Another {0} has this {1} now. Change its {1} or delete it, then restore this {0}."


def restore(client: APIClient, kind: str, entity_id: object) -> Any:
    return client.post(f"{route(kind, entity_id)}/restore")


def actions_of(entity_id: str) -> list[str]:
    events = Event.objects.filter(object_id=entity_id).order_by("created_at", "id")
    return [action.partition(".")[2] for action in events.values_list("action", flat=True)]


def create_deleted(client: APIClient, kind: str, **fields: Any) -> dict[str, Any]:
    body = create(client, kind, **fields)
    assert client.delete(route(kind, body["id"])).status_code == 204
    return body


@each_kind
def test_a_deleted_entity_is_only_in_the_trash_of_its_owner(
    client: APIClient, team: Team, kind: str
) -> None:
    kept_entity, deleted_entity = create(client, kind, name="Kept"), create_deleted(client, kind)
    create_deleted(client, kind, query=f"?organization_id={team.organization.pk}")

    trash = client.get(route(kind) + "?deleted=true").json()

    deleted_at = trash["data"][0]["deleted_at"]
    assert deleted_at is not None
    updated_at = trash["data"][0]["updated_at"]
    assert trash == {
        "data": [deleted_entity | {"deleted_at": deleted_at, "updated_at": updated_at}],
        "count": 1,
    }
    assert client.get(route(kind)).json() == {"data": [kept_entity], "count": 1}
    assert client_of(team.outsider).get(route(kind) + "?deleted=true").json()["count"] == 0


@each_kind
def test_a_deleted_entity_is_read_only_with_the_parameter(client: APIClient, kind: str) -> None:
    kept_id = create(client, kind, name="Kept")["id"]
    deleted_id = create_deleted(client, kind)["id"]

    statuses = [
        client.get(route(kind, entity_id) + query).status_code
        for entity_id in (kept_id, deleted_id)
        for query in ("", "?deleted=false", "?deleted=true")
    ]
    change_response = client.patch(route(kind, deleted_id), {"name": "Changed"})

    assert statuses == [200, 200, 404, 404, 404, 200]
    assert change_response.status_code == 404


@each_kind
def test_a_restored_entity_is_what_it_was(
    client: APIClient, user: User, memory: MemoryStore, kind: str
) -> None:
    images = {}
    if slot := IMAGES.get(kind):
        images[slot] = [upload_file(memory, user, photo(number)) for number in range(2)]
    before = create_deleted(client, kind, **FULL_BODIES[kind], **images)

    response = restore(client, kind, before["id"])

    after = response.json()
    assert response.status_code == 200
    assert after == before | {"updated_at": after["updated_at"]}
    assert after["updated_at"] > before["updated_at"]
    assert client.get(route(kind, before["id"])).json() == after
    assert actions_of(before["id"])[-2:] == ["deleted", "restored"]


@each_kind
def test_restoring_again_is_no_failure(client: APIClient, kind: str) -> None:
    entity_id = create_deleted(client, kind)["id"]

    first, second = (restore(client, kind, entity_id) for _ in range(2))

    assert (second.status_code, second.json()) == (200, first.json())


@each_kind
def test_foreign_and_missing_entities_are_not_restored(
    client: APIClient, team: Team, kind: str
) -> None:
    foreign_id = create_deleted(client_of(team.outsider), kind)["id"]

    responses = [restore(client, kind, entity_id) for entity_id in (foreign_id, uuid4())]

    assert [response.status_code for response in responses] == [404, 404]
    assert responses[0].content == responses[1].content
    trash = client_of(team.outsider).get(route(kind) + "?deleted=true").json()
    assert [row["id"] for row in trash["data"]] == [foreign_id]


@pytest.mark.parametrize(
    ("kind", "field", "noun", "word"),
    [("products", "sku", "product", "SKU"), ("subjects", "slug", "subject", "slug")],
)
def test_an_identifier_of_a_deleted_entity_can_be_used_by_another(
    client: APIClient, kind: str, field: str, noun: str, word: str
) -> None:
    deleted_entity = create_deleted(client, kind, **{field: "a-1"})
    new_entity = create(client, kind, **{field: "a-1"})

    refused_response = restore(client, kind, deleted_entity["id"])

    assert (refused_response.status_code, refused_response.json()) == (
        409,
        {"detail": TAKEN_MESSAGE.format(noun, word)},
    )
    assert client.get(route(kind)).json()["data"] == [new_entity]
    client.patch(route(kind, new_entity["id"]), {field: "a-2"})
    assert restore(client, kind, deleted_entity["id"]).json()[field] == "a-1"


def test_a_deleted_subject_does_not_number_the_next_slug(client: APIClient) -> None:
    create_deleted(client, "subjects", name="Ada")

    assert create(client, "subjects", name="Ada")["slug"] == "ada"


# --- Links --------------------------------------------------------------------------------------
def test_links_to_deleted_rows_are_hidden_and_come_back(client: APIClient) -> None:
    products = [create(client, "products")["id"] for _ in range(2)]
    subject = create(client, "subjects")["id"]
    look = create(client, "looks", products=products, subject=subject)
    client.delete(route("products", products[0]))
    client.delete(route("subjects", subject))

    look_body = client.get(route("looks", look["id"])).json()
    looks = client.get(route("looks")).json()["data"]
    body_after_change = client.patch(route("looks", look["id"]), {"products": products[1:]}).json()
    restore(client, "products", products[0])
    restore(client, "subjects", subject)
    body_after_restoring = client.get(route("looks", look["id"])).json()

    assert (look_body["products"], look_body["subject"]) == (products[1:], None)
    assert looks == [look_body]
    assert body_after_change["products"] == products[1:]
    assert (sorted(body_after_restoring["products"]), body_after_restoring["subject"]) == (
        sorted(products),
        subject,
    )


def test_a_guideline_and_looks_of_a_request_are_hidden_too(client: APIClient) -> None:
    look, guideline = create(client, "looks")["id"], create(client, "guidelines")["id"]
    request = create(client, "production-requests", looks=[look], guideline=guideline)["id"]

    client.delete(route("looks", look))
    client.delete(route("guidelines", guideline))

    body = client.get(route("production-requests", request)).json()
    assert (body["looks"], body["guideline"]) == ([], None)


def test_a_reference_to_a_deleted_row_can_be_cleared(client: APIClient) -> None:
    subject = create(client, "subjects")["id"]
    look = create(client, "looks", subject=subject)["id"]
    client.delete(route("subjects", subject))

    client.patch(route("looks", look), {"subject": None})
    restore(client, "subjects", subject)

    assert client.get(route("looks", look)).json()["subject"] is None


def test_a_deleted_row_cannot_be_linked(client: APIClient) -> None:
    product, subject = create(client, "products")["id"], create(client, "subjects")["id"]
    look = create(client, "looks", subject=subject)["id"]
    client.delete(route("products", product))
    client.delete(route("subjects", subject))

    # The subject is the look's own, hidden one.
    response = client.patch(route("looks", look), {"products": [product], "subject": subject})

    issues = response.json()["detail"]
    assert response.status_code == 422
    assert [(issue["loc"], issue["type"]) for issue in issues] == [
        (["body", "products", 0], "not_found"),
        (["body", "subject"], "not_found"),
    ]


# --- Files --------------------------------------------------------------------------------------
def test_files_do_not_show_deleted_entities(
    client: APIClient, user: User, memory: MemoryStore
) -> None:
    url = upload_file(memory, user)
    deleted_entity = create(client, "products", cover_image=url)
    kept_entity = create(client, "products", cover_image=url)
    resource_id = deleted_entity["cover_image"]["resource_id"]
    resources_path = "/api/v1/media-resources/"
    client.delete(route("products", deleted_entity["id"]))

    resource = client.get(resources_path + resource_id).json()
    resources_of_deleted = client.get(
        f"{resources_path}?entity_type=product&entity_id={deleted_entity['id']}"
    ).json()

    assert [attachment_row["entity_id"] for attachment_row in resource["attachments"]] == [
        kept_entity["id"]
    ]
    assert resources_of_deleted["count"] == 0
    restore(client, "products", deleted_entity["id"])
    assert len(client.get(resources_path + resource_id).json()["attachments"]) == 2
