"""Listing, creating, reading, changing and deleting every kind of entity."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import client_of
from catalog.tests.api.entity_kinds import DEFAULTS, FULL_BODIES, KINDS, LABELS
from catalog.tests.conftest import Team
from media.storage.testing.memory import MemoryStore

pytestmark = pytest.mark.django_db

each_kind = pytest.mark.parametrize("kind", KINDS)


def route(kind: str, entity_id: object = "") -> str:
    return f"/api/v1/{kind}/{entity_id}"


def create(client: APIClient, kind: str, query: str = "", **fields: Any) -> dict[str, Any]:
    response = client.post(route(kind) + query, {"name": "One"} | fields)
    assert response.status_code == 201, response.json()
    body: dict[str, Any] = response.json()
    return body


def without_configuration(body: dict[str, Any]) -> dict[str, Any]:
    """Return a response body without `export_configuration_id`, which only some kinds have."""
    return {name: value for name, value in body.items() if name != "export_configuration_id"}


@each_kind
def test_an_entity_is_returned_with_all_fields(client: APIClient, user: User, kind: str) -> None:
    response = client.post(route(kind), {"name": "One"})

    body = response.json()
    assert response.status_code == 201
    assert response["Location"] == route(kind, body["id"])
    assert UUID(body["id"]).version == 7
    assert body["created_at"].endswith("Z")
    assert body["updated_at"].endswith("Z")
    assert without_configuration(body) == {
        "id": body["id"],
        "user_id": str(user.pk),
        "organization_id": None,
        "name": "One",
        "created_at": body["created_at"],
        "updated_at": body["updated_at"],
        "deleted_at": None,
        **DEFAULTS[kind],
    }
    assert client.get(response["Location"]).json() == body


@each_kind
def test_every_sent_field_is_stored(client: APIClient, kind: str) -> None:
    body = create(client, kind, **FULL_BODIES[kind])

    assert {name: body[name] for name in FULL_BODIES[kind]} == FULL_BODIES[kind]


@pytest.mark.covers("T44")
@each_kind
def test_a_patch_changes_only_the_given_fields(client: APIClient, kind: str) -> None:
    before = create(client, kind, **FULL_BODIES[kind])
    for name, value in (("name", "Renamed"), *list(FULL_BODIES[kind].items())[1:]):
        new_value = value if name in {"name", "type"} else f"{value}-2"

        response = client.patch(route(kind, before["id"]), {name: new_value})

        after = response.json()
        assert response.status_code == 200
        assert after["updated_at"] > before["updated_at"]
        assert after == before | {name: new_value, "updated_at": after["updated_at"]}
        before = after


@each_kind
def test_an_empty_patch_changes_nothing(client: APIClient, kind: str) -> None:
    before = create(client, kind, **FULL_BODIES[kind])

    response = client.patch(route(kind, before["id"]), {})

    assert (response.status_code, response.json()) == (200, before)


@pytest.mark.covers("T41")
@each_kind
def test_read_only_fields_are_never_written(client: APIClient, kind: str, team: Team) -> None:
    read_only_fields = {
        "id": str(uuid4()),
        "user_id": str(team.outsider.pk),
        "organization_id": str(team.organization.pk),
        "created_at": "2000-01-01T00:00:00Z",
        "updated_at": "2000-01-01T00:00:00Z",
        "entity_type": "LOOK",
    }

    before = create(client, kind, **read_only_fields)
    after = client.patch(route(kind, before["id"]), read_only_fields).json()

    assert not {before[name] for name in read_only_fields if name in before} & set(
        read_only_fields.values()
    )
    assert after == before


@pytest.mark.covers("T44")
@each_kind
@pytest.mark.parametrize(
    ("payload", "loc", "code"),
    [
        ({}, ["body", "name"], "missing"),
        ({"name": None}, ["body", "name"], "null_not_allowed"),
        ({"name": ""}, ["body", "name"], "string_empty"),
        ({"name": 5}, ["body", "name"], "string_type"),
        ({"name": "x" * 256}, ["body", "name"], "string_too_long"),
        ({"name": "a\x00b"}, ["body", "name"], "string_characters"),
        ([], ["body"], "object_type"),
    ],
)
def test_invalid_fields_are_reported_by_name(
    client: APIClient, kind: str, payload: Any, loc: list[str], code: str
) -> None:
    response = client.post(route(kind), payload)

    (issue,) = response.json()["detail"]
    assert (response.status_code, issue["loc"], issue["type"]) == (422, loc, code)
    assert client.get(route(kind)).json() == {"data": [], "count": 0}


@each_kind
def test_an_entity_is_deleted_once(client: APIClient, kind: str) -> None:
    entity_id = create(client, kind)["id"]

    responses = [client.delete(route(kind, entity_id)) for _ in range(2)]

    assert [response.status_code for response in responses] == [204, 404]
    assert responses[0].content == b""
    assert responses[1].json() == {"detail": f"{LABELS[kind]} not found"}
    assert client.get(route(kind, entity_id)).status_code == 404


@pytest.mark.covers("T40", "I13")
@each_kind
def test_an_entity_of_another_owner_is_a_404_like_a_missing_one(
    client: APIClient, team: Team, kind: str
) -> None:
    foreign_entity = create(client_of(team.outsider), kind)
    missing_id = uuid4()

    responses = []
    for path in (route(kind, foreign_entity["id"]), route(kind, missing_id)):
        responses += [client.get(path), client.delete(path)]
        responses.append(client.patch(path, {"name": "Mine"}))

    assert {response.status_code for response in responses} == {404}
    assert {response.content for response in responses} == {
        b'{"detail":"%s not found"}' % LABELS[kind].encode()
    }
    assert client_of(team.outsider).get(route(kind, foreign_entity["id"])).json() == foreign_entity


@pytest.mark.covers("I13")
@each_kind
def test_personal_and_organization_rows_never_mix(
    client: APIClient, user: User, team: Team, kind: str
) -> None:
    query = f"?organization_id={team.organization.pk}"
    personal_entity = create(client, kind)
    shared_entity = create(client, kind, query, name="Ours")
    colleagues_entity = create(client_of(team.member), kind, query, name="Theirs")

    assert shared_entity["user_id"] == str(user.pk)
    assert shared_entity["organization_id"] == str(team.organization.pk)
    assert client.get(route(kind)).json() == {"data": [personal_entity], "count": 1}
    assert client.get(route(kind) + query).json() == {
        "data": [shared_entity, colleagues_entity],
        "count": 2,
    }
    assert client.get(route(kind, colleagues_entity["id"])).json() == colleagues_entity
    change_body = client.patch(route(kind, colleagues_entity["id"]), {"name": "Changed"}).json()
    assert (change_body["name"], change_body["user_id"]) == ("Changed", str(team.member.pk))
    assert client.delete(route(kind, colleagues_entity["id"])).status_code == 204


@pytest.mark.covers("T40")
@each_kind
def test_an_organization_without_membership_is_refused(
    client: APIClient, team: Team, kind: str
) -> None:
    outsider_client = client_of(team.outsider)
    for organization_id in (team.organization.pk, uuid4()):
        query = f"?organization_id={organization_id}"
        responses = [
            outsider_client.get(route(kind) + query),
            outsider_client.post(route(kind) + query, {"name": "x"}),
        ]

        assert [response.status_code for response in responses] == [403, 403]
        assert responses[0].json() == {"detail": "Not enough permissions"}
    malformed_response = client.get(route(kind) + "?organization_id=x")
    assert malformed_response.json()["detail"][0]["loc"] == ["query", "organization_id"]


@pytest.mark.covers("T48")
@each_kind
def test_a_list_is_paged_oldest_first(client: APIClient, kind: str) -> None:
    rows = [create(client, kind, name=f"Row {number}") for number in range(5)]
    # PostgreSQL moves a changed row to the end of the table.
    rows[0] = client.patch(route(kind, rows[0]["id"]), {"name": "Changed"}).json()

    first = client.get(route(kind) + "?limit=2").json()
    rest = client.get(route(kind) + "?skip=2").json()

    assert first["data"] + rest["data"] == rows
    assert first["count"] == rest["count"] == 5
    for query in ("skip=-1", "limit=0", "limit=1001", "limit=x", "skip=99999999999"):
        assert client.get(f"{route(kind)}?{query}").status_code == 422


@each_kind
def test_a_list_is_searched_by_name(client: APIClient, kind: str) -> None:
    shoe, _ = create(client, kind, name="Oxford SHOE"), create(client, kind, name="Scarf 100%")

    assert client.get(route(kind) + "?search=shoe").json() == {"data": [shoe], "count": 1}
    assert client.get(route(kind) + "?search=%25").json()["count"] == 1
    assert client.get(route(kind) + "?search=nothing").json() == {"data": [], "count": 0}


@pytest.mark.covers("T48")
@each_kind
def test_a_list_takes_as_many_queries_for_many_rows_as_for_one(
    client: APIClient,
    memory: MemoryStore,
    kind: str,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(12):
        create(client, kind, name=f"Row {number}")

    with django_assert_max_num_queries(4):  # the caller, rows, links, media
        assert len(client.get(route(kind)).json()["data"]) == 12


@each_kind
def test_a_collection_has_two_paths(client: APIClient, kind: str) -> None:
    creation = client.post(f"/api/v1/{kind}", {"name": "One"})

    assert creation.status_code == 201
    assert client.get(f"/api/v1/{kind}").json() == {"data": [creation.json()], "count": 1}


@pytest.mark.covers("F40", "T64")
@each_kind
def test_a_creation_repeated_with_a_key_creates_one_row(client: APIClient, kind: str) -> None:
    responses = [
        client.post(route(kind), {"name": "Once"}, headers={"Idempotency-Key": "k1"})
        for _ in range(3)
    ]

    assert [response.status_code for response in responses] == [201] * 3
    assert responses[1].json() == responses[2].json() == responses[0].json()
    replayed = [response.headers.get("Idempotent-Replayed") for response in responses]
    assert replayed == [None, "true", "true"]
    assert client.get(route(kind)).json()["count"] == 1
    other_response = client.post(route(kind), {"name": "Other"}, headers={"Idempotency-Key": "k1"})
    assert other_response.json()["detail"][0]["type"] == "idempotency_key_reused"
