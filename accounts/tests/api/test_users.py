import uuid
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.api.user_requests import (
    FIELDS,
    FORBIDDEN,
    ME,
    NEW_PASSWORD,
    NOT_FOUND,
    SERVER_OWNED,
    UNKNOWN_ID,
    USERS,
    issues_of,
    may_sign_in,
    row_of,
)
from accounts.tests.conftest import Team
from accounts.tests.factories import (
    client_of,
)
from sartiq.core.models import Event

pytestmark = pytest.mark.django_db


@pytest.mark.covers("T41")
@pytest.mark.parametrize(("field", "value"), SERVER_OWNED.items())
def test_not_even_a_superuser_sets_a_server_owned_value(team: Team, field: str, value: Any) -> None:
    client = client_of(team.superuser)
    before = row_of(team.member)

    change_response = client.patch(f"{USERS}{team.member.pk}", {field: value})
    create_response = client.post(
        USERS, {"email": "new@example.com", "password": NEW_PASSWORD, field: value}
    )

    after = row_of(team.member)
    assert change_response.status_code == 200
    assert {**after, "updated_at": None} == {**before, "updated_at": None}
    assert create_response.status_code == 201
    assert create_response.json()["id"] != value
    assert create_response.json()["created_at"] > SERVER_OWNED["created_at"]
    user = User.objects.get(pk=create_response.json()["id"])
    assert (user.deleted_at, user.last_login, user.memberships.count()) == (None, None, 0)


@pytest.mark.covers("T40")
@pytest.mark.parametrize("method", ["get", "post", "patch", "delete"])
@pytest.mark.parametrize("caller", ["member", "admin", "owner", "outsider"])
@pytest.mark.parametrize("target", ["", "existing", "missing", "malformed"])
def test_only_superusers_can_use_the_user_routes(
    team: Team, method: str, caller: str, target: str
) -> None:
    paths = {"": "", "existing": str(team.owner.pk), "missing": str(uuid.uuid4()), "malformed": "x"}
    allowed = {"get", "post"} if target == "" else {"get", "patch", "delete"}
    before = list(User.objects.values())

    response = getattr(client_of(getattr(team, caller)), method)(f"{USERS}{paths[target]}")

    if method in allowed:
        assert (response.status_code, response.json()) == (403, FORBIDDEN)
    else:
        assert response.status_code in {403, 405}
    assert list(User.objects.values()) == before


@pytest.mark.covers("T40")
@pytest.mark.parametrize("path", [ME, USERS, f"{USERS}{UNKNOWN_ID}", f"{USERS}malformed"])
def test_anonymous_callers_get_a_401(path: str) -> None:
    response = APIClient().get(path)

    assert (response.status_code, response.json()) == (401, {"detail": "Not authenticated"})


def test_a_superuser_creates_a_user(team: Team) -> None:
    client = client_of(team.superuser)

    response = client.post(
        USERS,
        {
            "email": "New@Example.com",
            "password": NEW_PASSWORD,
            "full_name": "New",
            "is_staff": True,
        },
    )

    body = response.json()
    assert response.status_code == 201
    assert set(body) == FIELDS
    assert (body["email"], body["is_staff"], body["is_superuser"]) == (
        "New@example.com",
        True,
        False,
    )
    assert response["Location"] == f"{USERS}{body['id']}"
    assert client.get(response["Location"]).json() == body
    assert may_sign_in("new@example.com", NEW_PASSWORD)


@pytest.mark.parametrize(
    ("change", "loc", "code"),
    [
        ({"email": None}, "email", "null_not_allowed"),
        ({"email": 5}, "email", "string_type"),
        ({"email": "a@" + "b" * 260}, "email", "string_too_long"),
        ({"password": "short"}, "password", "password"),
        ({"password": "x" * 1025}, "password", "string_too_long"),
        ({"password": "n\0ew-password"}, "password", "string_characters"),
        ({"is_staff": "yes"}, "is_staff", "bool_parsing"),
        ({"is_active": 1}, "is_active", "bool_parsing"),
        ({"is_active": None}, "is_active", "null_not_allowed"),
    ],
)
def test_a_malformed_user_is_refused(
    team: Team, change: dict[str, Any], loc: str, code: str
) -> None:
    client, before = client_of(team.superuser), list(User.objects.values())

    create_response = client.post(USERS, {"email": "a@b.de", "password": NEW_PASSWORD, **change})
    change_response = client.patch(f"{USERS}{team.member.pk}", change)

    for response in (create_response, change_response):
        assert response.status_code == 422
        assert (("body", loc), code) in issues_of(response)
    assert list(User.objects.values()) == before


def test_every_missing_field_is_reported(team: Team) -> None:
    client = client_of(team.superuser)

    assert issues_of(client.post(USERS, {})) == {
        (("body", "email"), "missing"),
        (("body", "password"), "missing"),
    }
    assert issues_of(client.post(USERS, [])) == {(("body",), "object_type")}


def test_a_lone_surrogate_is_refused(team: Team) -> None:
    body = r'{"full_name": "\ud800"}'

    response = client_of(team.member).generic("PATCH", ME, body, content_type="application/json")

    assert response.status_code == 422
    assert issues_of(response) == {(("body", "full_name"), "string_characters")}


def test_each_weakness_of_a_password_is_reported(team: Team) -> None:
    response = client_of(team.superuser).post(USERS, {"email": "a@b.de", "password": "abc123"})

    detail = response.json()["detail"]
    assert [issue["type"] for issue in detail] == ["password", "password"]
    assert "abc123" not in response.content.decode()


def test_a_second_user_with_an_address_is_a_conflict(team: Team) -> None:
    response = client_of(team.superuser).post(
        USERS, {"email": team.member.email.upper(), "password": NEW_PASSWORD}
    )

    assert response.status_code == 409
    assert User.objects.with_email(team.member.email).count() == 1


def test_a_superuser_changes_a_user(team: Team) -> None:
    change = {"email": "moved@example.com", "full_name": "Moved", "is_staff": True}

    response = client_of(team.superuser).patch(
        f"{USERS}{team.member.pk}", {**change, "password": NEW_PASSWORD}
    )

    assert response.status_code == 200
    assert {name: response.json()[name] for name in change} == change
    assert may_sign_in("moved@example.com", NEW_PASSWORD)


@pytest.mark.parametrize(
    ("change", "actions"),
    [
        ({"full_name": "Moved"}, ["user.updated"]),
        ({"is_active": False}, ["user.updated", "user.deactivated"]),
        ({"is_active": True}, ["user.updated"]),
        ({"password": NEW_PASSWORD}, ["user.password_changed"]),
    ],
)
def test_a_change_is_recorded_by_what_it_changed(
    team: Team, change: dict[str, Any], actions: list[str]
) -> None:
    client_of(team.superuser).patch(f"{USERS}{team.member.pk}", change)

    events = Event.objects.filter(object_id=team.member.pk).order_by("created_at", "pk")
    assert list(events.values_list("action", flat=True)) == actions


def test_a_superuser_disables_a_user_at_once(team: Team) -> None:
    member = client_of(team.member)

    client_of(team.superuser).patch(f"{USERS}{team.member.pk}", {"is_active": False})

    assert member.get(ME).status_code == 401


@pytest.mark.covers("T40")
@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_a_missing_user_is_a_404_and_a_malformed_id_a_422(team: Team, method: str) -> None:
    call = getattr(client_of(team.superuser), method)

    missing_response = call(f"{USERS}{uuid.uuid4()}")
    malformed_response = call(f"{USERS}not-a-uuid")

    assert (missing_response.status_code, missing_response.json()) == (404, NOT_FOUND)
    assert malformed_response.status_code == 422
    assert issues_of(malformed_response) == {(("path", "user_id"), "uuid_parsing")}


@pytest.mark.covers("T48")
def test_users_are_listed_oldest_first_and_paged(
    team: Team, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = client_of(team.superuser)
    user_ids = [
        str(pk) for pk in User.objects.order_by("created_at", "id").values_list("pk", flat=True)
    ]

    with django_assert_max_num_queries(3):
        full_body = client.get(USERS).json()
    page = client.get(f"{USERS}?skip=1&limit=2").json()

    assert set(full_body) == {"data", "count"}
    assert [row["id"] for row in full_body["data"]] == user_ids
    assert full_body["count"] == len(user_ids)
    assert [row["id"] for row in page["data"]] == user_ids[1:3]
    assert page["count"] == len(user_ids)
    assert client.get(f"{USERS}?skip=100").json() == {
        "data": [],
        "count": len(user_ids),
    }


@pytest.mark.covers("T48")
@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=-1", "limit=1001", "limit=1000000000", "limit=x", "limit=1e3", "skip=-1",
     "skip=x", "skip=99999999999999999999", "limit=%00", "skip=1.5"],
)  # fmt: skip
def test_a_page_out_of_bounds_is_a_422(team: Team, query: str) -> None:
    for path in (USERS, "/api/v1/organizations/"):
        response = client_of(team.superuser).get(f"{path}?{query}")

        assert response.status_code == 422
        assert {issue["loc"][0] for issue in response.json()["detail"]} == {"query"}
