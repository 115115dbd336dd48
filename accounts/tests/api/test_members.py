"""Members of an organization over HTTP."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import Membership, Role
from accounts.tests.api.organization_requests import (
    FORBIDDEN,
    ORGANIZATIONS,
    UNKNOWN_ID,
    issues_of,
    members_path,
)
from accounts.tests.conftest import Team
from accounts.tests.factories import (
    MembershipFactory,
    UserFactory,
    client_of,
)

pytestmark = pytest.mark.django_db

MEMBER_FIELDS = {
    "id",
    "organization_id",
    "user_id",
    "email",
    "full_name",
    "role",
    "created_at",
    "updated_at",
}


def roles_in(team: Team) -> dict[Any, str]:
    return dict(team.organization.memberships.values_list("user_id", "role"))


def test_members_are_listed_oldest_first_with_lower_case_roles(
    team: Team, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = client_of(team.admin)

    with django_assert_max_num_queries(3):
        body = client.get(members_path(team)).json()

    assert set(body["data"][0]) == MEMBER_FIELDS
    assert [(row["user_id"], row["role"]) for row in body["data"]] == [
        (str(team.owner.pk), "owner"),
        (str(team.admin.pk), "admin"),
        (str(team.member.pk), "member"),
    ]
    assert body["count"] == 3


@pytest.mark.parametrize("by", ["email", "user_id"])
def test_a_member_is_added_by_address_or_id(team: Team, by: str) -> None:
    user = UserFactory.create(email="New@example.com")
    payload = {"email": "new@EXAMPLE.com"} if by == "email" else {"user_id": str(user.pk)}
    client = client_of(team.admin)

    response = client.post(members_path(team), {**payload, "role": "admin"})

    assert response.status_code == 201
    assert set(response.json()) == MEMBER_FIELDS
    assert (response.json()["user_id"], response.json()["role"]) == (str(user.pk), "admin")
    assert response["Location"] == members_path(team, user)
    assert client.get(response["Location"]).json() == response.json()
    assert roles_in(team)[user.pk] == Role.ADMIN
    assert client_of(user).get(members_path(team)).status_code == 200


def test_a_new_member_has_the_member_role_by_default(team: Team) -> None:
    user = UserFactory.create()

    client_of(team.owner).post(members_path(team), {"email": user.email})

    assert roles_in(team)[user.pk] == Role.MEMBER


@pytest.mark.parametrize(
    ("body", "issues"),
    [
        ({}, {(("body",), "value_error")}),
        ({"email": "a@b.de", "user_id": UNKNOWN_ID}, {(("body",), "value_error")}),
        ({"email": "nobody@example.com"}, {(("body", "email"), "not_found")}),
        ({"user_id": UNKNOWN_ID}, {(("body", "user_id"), "not_found")}),
        ({"user_id": "x"}, {(("body", "user_id"), "uuid_parsing")}),
        ({"email": "x"}, {(("body", "email"), "email")}),
        ({"email": "a@b.de", "role": "boss"}, {(("body", "role"), "enum")}),
        ({"email": "a@b.de", "role": "OWNER"}, {(("body", "role"), "enum")}),
        ({"email": "a@b.de", "role": 1}, {(("body", "role"), "string_type")}),
        ({"email": "a@b.de", "role": []}, {(("body", "role"), "string_type")}),
        ({"email": "a@b.de", "role": None}, {(("body", "role"), "null_not_allowed")}),
    ],
)
def test_an_invalid_member_is_refused(
    team: Team, body: dict[str, Any], issues: set[tuple[tuple[str, ...], str]]
) -> None:
    before = roles_in(team)

    response = client_of(team.owner).post(members_path(team), body)

    assert response.status_code == 422
    assert issues_of(response) == issues
    assert roles_in(team) == before


def test_a_disabled_user_cannot_be_added(team: Team) -> None:
    user = UserFactory.create(is_active=False)

    response = client_of(team.owner).post(members_path(team), {"user_id": str(user.pk)})

    assert issues_of(response) == {(("body", "user_id"), "not_found")}


def test_a_member_is_not_added_twice(team: Team) -> None:
    response = client_of(team.owner).post(
        members_path(team), {"email": team.member.email, "role": "admin"}
    )

    assert (response.status_code, response.json()) == (
        409,
        {"detail": "The user is already a member"},
    )
    assert roles_in(team)[team.member.pk] == Role.MEMBER


def test_an_admin_cannot_add_change_or_remove_an_owner(team: Team) -> None:
    client, other = client_of(team.admin), UserFactory.create()
    MembershipFactory.create(organization=team.organization, role=Role.OWNER)
    before = roles_in(team)

    responses = [
        client.post(members_path(team), {"email": other.email, "role": "owner"}),
        client.patch(members_path(team, team.member), {"role": "owner"}),
        client.patch(members_path(team, team.admin), {"role": "owner"}),
        client.patch(members_path(team, team.owner), {"role": "member"}),
        client.delete(members_path(team, team.owner)),
    ]

    assert [(response.status_code, response.json()) for response in responses] == [
        (403, FORBIDDEN)
    ] * 5
    assert roles_in(team) == before


def test_an_owner_can_leave_after_adding_another_owner(team: Team) -> None:
    client = client_of(team.owner)

    promotion_response = client.patch(members_path(team, team.member), {"role": "owner"})
    response = client.delete(members_path(team, team.owner))

    assert (promotion_response.status_code, promotion_response.json()["role"]) == (200, "owner")
    assert response.status_code == 204
    assert roles_in(team) == {team.admin.pk: Role.ADMIN, team.member.pk: Role.OWNER}
    assert client.get(members_path(team)).status_code == 403


@pytest.mark.parametrize("role", ["admin", "member"])
def test_leaving_twice_is_a_404(team: Team, role: str) -> None:
    leaver = getattr(team, role)
    client, before = client_of(leaver), roles_in(team)

    responses = [client.delete(members_path(team, leaver)) for _ in range(2)]

    assert [response.status_code for response in responses] == [204, 404]
    assert responses[1].json() == {"detail": "Member not found"}
    assert roles_in(team) == {pk: role for pk, role in before.items() if pk != leaver.pk}
    assert client.get(f"{ORGANIZATIONS}{team.organization.pk}").status_code == 403


def test_a_user_who_was_never_a_member_cannot_leave(team: Team) -> None:
    client = client_of(team.outsider)

    responses = [
        client.delete(f"{ORGANIZATIONS}{organization_id}/members/{team.outsider.pk}")
        for organization_id in (team.organization.pk, UNKNOWN_ID)
    ]

    assert {(response.status_code, response.content) for response in responses} == {
        (404, b'{"detail":"Member not found"}')
    }


@pytest.mark.parametrize("caller", ["owner", "superuser"])
@pytest.mark.parametrize("act", ["remove", "demote"])
def test_the_last_owner_cannot_be_removed_or_demoted(team: Team, caller: str, act: str) -> None:
    client, path = client_of(getattr(team, caller)), members_path(team, team.owner)
    before = roles_in(team)

    response = client.delete(path) if act == "remove" else client.patch(path, {"role": "admin"})

    assert (response.status_code, response.json()) == (
        409,
        {"detail": "An organization needs at least one owner"},
    )
    assert roles_in(team) == before


def test_a_disabled_owner_does_not_count_as_remaining_owner(team: Team) -> None:
    disabled_owner = UserFactory.create(is_active=False)
    MembershipFactory.create(organization=team.organization, user=disabled_owner, role=Role.OWNER)

    assert client_of(team.owner).delete(members_path(team, team.owner)).status_code == 409
    assert client_of(team.owner).delete(members_path(team, disabled_owner)).status_code == 204


def test_the_last_owner_can_be_set_to_owner_again(team: Team) -> None:
    response = client_of(team.owner).patch(members_path(team, team.owner), {"role": "owner"})

    assert (response.status_code, response.json()["role"]) == (200, "owner")


@pytest.mark.django_db(transaction=True)
def test_two_owners_cannot_remove_each_other_at_once(team: Team) -> None:
    second = MembershipFactory.create(organization=team.organization, role=Role.OWNER).user
    attempts = [(client_of(team.owner), second), (client_of(second), team.owner)]

    def remove(attempt: tuple[APIClient, Any]) -> int:
        try:
            return int(attempt[0].delete(members_path(team, attempt[1])).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        statuses = sorted(pool.map(remove, attempts))

    assert statuses == [204, 403]
    owners = Membership.objects.filter(organization=team.organization).active_owners()
    assert owners.count() == 1
