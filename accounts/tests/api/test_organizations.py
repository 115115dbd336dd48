from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import Membership, Organization, Role
from accounts.tests.api.organization_requests import (
    FORBIDDEN,
    NOT_FOUND,
    ORGANIZATIONS,
    UNKNOWN_ID,
    issues_of,
    members_path,
)
from accounts.tests.conftest import Team
from accounts.tests.factories import (
    MembershipFactory,
    OrganizationFactory,
    UserFactory,
    client_of,
)

FIELDS = {"id", "name", "slug", "created_at", "updated_at"}

pytestmark = pytest.mark.django_db


def test_the_creator_of_an_organization_becomes_its_owner() -> None:
    user = UserFactory.create()
    client = client_of(user)

    response = client.post(ORGANIZATIONS, {"name": "Acme Photo & Co"})

    body = response.json()
    assert response.status_code == 201
    assert set(body) == FIELDS
    assert (body["name"], body["slug"]) == ("Acme Photo & Co", "acme-photo-co")
    assert response["Location"] == f"{ORGANIZATIONS}{body['id']}"
    assert client.get(response["Location"]).json() == body
    assert Membership.objects.get(organization_id=body["id"]).role == Role.OWNER


def test_a_generated_slug_is_unique() -> None:
    client = client_of(UserFactory.create())

    slugs = [
        client.post(ORGANIZATIONS, {"name": name}).json()["slug"] for name in ("A", "A", "写真")
    ]

    assert slugs[0] == "a"
    assert slugs[1].startswith("a-")
    assert slugs[2] == "organization"


@pytest.mark.django_db(transaction=True)
def test_organizations_with_equal_names_created_concurrently_get_different_slugs() -> None:
    clients = [client_of(UserFactory.create()) for _ in range(8)]
    barrier = Barrier(len(clients))

    def create(client: APIClient) -> list[int]:
        try:
            statuses = []
            for number in range(5):
                barrier.wait(timeout=60)
                statuses.append(client.post(ORGANIZATIONS, {"name": f"Same {number}"}).status_code)
            return statuses
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(clients)) as pool:
        statuses = list(pool.map(create, clients))

    assert statuses == [[201] * 5] * 8
    assert Organization.objects.filter(slug__startswith="same-").count() == 40


def test_a_taken_slug_is_a_conflict(team: Team) -> None:
    client = client_of(team.owner)
    slug = team.other_organization.slug

    create_response = client.post(ORGANIZATIONS, {"name": "B", "slug": slug.upper()})
    change_response = client.patch(f"{ORGANIZATIONS}{team.organization.pk}", {"slug": slug})

    conflict_detail = {"detail": "An organization with this slug already exists"}
    assert (create_response.status_code, create_response.json()) == (409, conflict_detail)
    assert (change_response.status_code, change_response.json()) == (409, conflict_detail)
    assert Organization.objects.count() == 2


@pytest.mark.parametrize(
    ("body", "issues"),
    [
        ({}, {(("body", "name"), "missing")}),
        ({"name": ""}, {(("body", "name"), "string_empty")}),
        ({"name": None}, {(("body", "name"), "null_not_allowed")}),
        ({"name": ["x"]}, {(("body", "name"), "string_type")}),
        ({"name": "a\0"}, {(("body", "name"), "string_characters")}),
        ({"name": "x" * 256}, {(("body", "name"), "string_too_long")}),
        ({"name": "x", "slug": "not a slug"}, {(("body", "slug"), "slug")}),
        ({"name": "x", "slug": 7}, {(("body", "slug"), "string_type")}),
        ({"name": "x", "slug": "x" * 101}, {(("body", "slug"), "string_too_long")}),
    ],
)
def test_a_malformed_organization_is_refused(
    body: dict[str, Any], issues: set[tuple[tuple[str, ...], str]]
) -> None:
    response = client_of(UserFactory.create()).post(ORGANIZATIONS, body)

    assert response.status_code == 422
    assert issues_of(response) == issues
    assert not Organization.objects.exists()


@pytest.mark.covers("T40", "T48")
def test_members_see_their_organizations_and_superusers_all(
    team: Team, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    own_names = [team.organization.name]
    all_names = [team.organization.name, team.other_organization.name]

    def names_seen_by(user: Any) -> list[str]:
        client = client_of(user)
        with django_assert_max_num_queries(3):
            body = client.get(ORGANIZATIONS).json()
        assert body["count"] == len(body["data"])
        return [row["name"] for row in body["data"]]

    assert names_seen_by(team.member) == own_names
    assert names_seen_by(team.owner) == own_names
    assert names_seen_by(team.superuser) == all_names
    assert names_seen_by(UserFactory.create()) == []


CALLERS = ["owner", "admin", "member", "outsider", "superuser"]


@pytest.mark.covers("T40")
@pytest.mark.parametrize(
    ("method", "suffix", "body", "statuses"),
    [
        ("get", "", None, (200, 200, 200, 403, 200)),
        ("patch", "", {"name": "New"}, (200, 200, 403, 403, 200)),
        ("patch", "", {"name": 5}, (422, 422, 403, 403, 422)),
        ("get", "/members", None, (200, 200, 403, 403, 200)),
        ("post", "/members", {"email": "new@example.com"}, (201, 201, 403, 403, 201)),
        ("post", "/members", {}, (422, 422, 403, 403, 422)),
        ("get", "/members/{member}", None, (200, 200, 403, 403, 200)),
        ("patch", "/members/{member}", {"role": "admin"}, (200, 200, 403, 403, 200)),
        ("delete", "/members/{member}", None, (204, 204, 403, 403, 204)),
        ("get", "/members/" + UNKNOWN_ID, None, (404, 404, 403, 403, 404)),
        ("patch", "/members/" + UNKNOWN_ID, {"role": "admin"}, (404, 404, 403, 403, 404)),
        ("delete", "/members/" + UNKNOWN_ID, None, (404, 404, 403, 403, 404)),
    ],
)
def test_each_role_gets_the_expected_status(
    team: Team, method: str, suffix: str, body: Any, statuses: tuple[int, ...]
) -> None:
    UserFactory.create(email="new@example.com")
    target = MembershipFactory.create(organization=team.organization).user
    path = f"{ORGANIZATIONS}{team.organization.pk}{suffix.format(member=target.pk)}"
    for caller, status in zip(CALLERS, statuses, strict=True):
        Membership.objects.filter(user__email="new@example.com").delete()
        Membership.objects.update_or_create(
            user=target, organization=team.organization, defaults={"role": Role.MEMBER}
        )

        response = getattr(client_of(getattr(team, caller)), method)(path, body)

        assert (caller, response.status_code) == (caller, status)
        if status == 403:
            assert response.json() == FORBIDDEN
    anonymous_response = getattr(APIClient(), method)(path, body)
    assert (anonymous_response.status_code, anonymous_response.json()) == (
        401,
        {"detail": "Not authenticated"},
    )


@pytest.mark.covers("T40")
@pytest.mark.parametrize(
    ("method", "suffix"),
    [
        ("get", ""),
        ("patch", ""),
        ("get", "/members"),
        ("post", "/members"),
        ("get", f"/members/{UNKNOWN_ID}"),
        ("patch", f"/members/{UNKNOWN_ID}"),
        ("delete", f"/members/{UNKNOWN_ID}"),
    ],
)
def test_a_missing_and_a_foreign_organization_get_the_same_response(
    team: Team, method: str, suffix: str
) -> None:
    bodies = {"post": {"email": "a@b.de"}, "patch": {"role": "member", "name": "x"}}

    def send(user: Any, organization_id: Any) -> Any:
        path = f"{ORGANIZATIONS}{organization_id}{suffix}"
        return getattr(client_of(user), method)(path, bodies.get(method))

    missing_response = send(team.outsider, UNKNOWN_ID)
    foreign_response = send(team.outsider, team.organization.pk)

    assert missing_response.status_code == foreign_response.status_code == 403
    assert missing_response.content == foreign_response.content
    response = send(team.superuser, UNKNOWN_ID)
    assert (response.status_code, response.json()) == (404, NOT_FOUND)
    malformed_response = send(team.superuser, "not-a-uuid")
    assert malformed_response.status_code == 422
    assert issues_of(malformed_response) == {(("path", "org_id"), "uuid_parsing")}


@pytest.mark.covers("T41")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", UNKNOWN_ID),
        ("user_id", UNKNOWN_ID),
        ("organization_id", UNKNOWN_ID),
        ("created_at", "2001-01-01T00:00:00Z"),
        ("updated_at", "2001-01-01T00:00:00Z"),
        ("members", []),
        ("memberships", []),
    ],
)
def test_a_server_owned_value_of_an_organization_is_ignored(
    team: Team, field: str, value: Any
) -> None:
    client = client_of(team.owner)

    change_response = client.patch(f"{ORGANIZATIONS}{team.organization.pk}", {field: value})
    create_response = client.post(ORGANIZATIONS, {"name": "New", field: value})

    team.organization.refresh_from_db()
    assert (change_response.status_code, create_response.status_code) == (200, 201)
    assert team.organization.created_at.year > 2001
    assert team.organization.updated_at.year > 2001
    assert team.organization.memberships.count() == 3
    assert create_response.json()["id"] != value
    assert create_response.json()["created_at"] > "2002"


@pytest.mark.parametrize("slash", ["", "/"])
def test_paths_with_and_without_trailing_slash_respond_the_same(team: Team, slash: str) -> None:
    client = client_of(team.owner)

    creation = client.post(f"/api/v1/organizations{slash}", {"name": "New"})
    members = client.get(f"{members_path(team)}{slash}")

    assert (creation.status_code, members.status_code) == (201, 200)


def test_superusers_can_use_an_organization_without_members(team: Team) -> None:
    organization = OrganizationFactory.create()

    assert client_of(team.superuser).get(f"{ORGANIZATIONS}{organization.pk}").status_code == 200
