import uuid
from typing import Any
from urllib.parse import urlencode

import pytest
from axes.models import AccessAttempt
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework.test import APIClient

from accounts.models import Membership, Organization, Role, User
from accounts.services import users
from accounts.tests.conftest import Cast
from accounts.tests.factories import (
    PASSWORD,
    MembershipFactory,
    UserFactory,
    client_of,
)

NOBODY = "0190a1b2-0000-7000-8000-000000000000"  # the same for every xdist worker
ME = "/api/v1/users/me"
USERS = "/api/v1/users/"
LOGIN = "/api/v1/login/access-token"
FORBIDDEN = {"detail": "Not enough permissions"}
MISSING = {"detail": "User not found"}
NEW_PASSWORD = "a-quite-new-password"
FIELDS = {
    "id",
    "email",
    "full_name",
    "is_active",
    "is_superuser",
    "is_staff",
    "created_at",
    "updated_at",
}
# Every field of the model that a client may not set about itself, with a value it is not.
SERVER_OWNED = {
    "id": NOBODY,
    "user_id": NOBODY,
    "organization_id": NOBODY,
    "created_at": "2001-01-01T00:00:00Z",
    "updated_at": "2001-01-01T00:00:00Z",
    "deleted_at": "2001-01-01T00:00:00Z",
    "last_login": "2001-01-01T00:00:00Z",
    "groups": [1],
    "user_permissions": [1],
    "memberships": [],
}
RIGHTS = {"is_superuser": True, "is_staff": True, "is_active": False}

pytestmark = pytest.mark.django_db


def issues_of(response: Any) -> set[tuple[tuple[str, ...], str]]:
    return {(tuple(issue["loc"]), issue["type"]) for issue in response.json()["detail"]}


def may_sign_in(email: str, password: str) -> bool:
    form = urlencode({"username": email, "password": password})
    response = APIClient().post(LOGIN, form, content_type="application/x-www-form-urlencoded")
    return bool(response.status_code == 200)


def row_of(user: User) -> dict[str, Any]:
    return {**User.objects.filter(pk=user.pk).values().get()}


def test_the_own_profile_shows_exactly_the_contracts_fields() -> None:
    user = UserFactory.create(email="Ann@example.com", full_name="Ann Lee")

    body = client_of(user).get(ME).json()

    assert set(body) == FIELDS
    assert body["created_at"].endswith("Z")
    assert {name: body[name] for name in ("id", "email", "full_name", "is_active")} == {
        "id": str(user.pk),
        "email": "Ann@example.com",
        "full_name": "Ann Lee",
        "is_active": True,
    }


def test_a_user_changes_their_name_without_a_password() -> None:
    user = UserFactory.create()
    client = client_of(user)

    response = client.patch(ME, {"full_name": "Ann Lee"})

    assert (response.status_code, response.json()["full_name"]) == (200, "Ann Lee")
    assert client.get(ME).json()["full_name"] == "Ann Lee"


def test_a_changed_password_ends_every_session() -> None:
    user = UserFactory.create()
    client, other_device = client_of(user), client_of(user)

    response = client.patch(ME, {"password": NEW_PASSWORD, "current_password": PASSWORD})

    assert response.status_code == 200
    assert "password" not in response.json()
    assert client.get(ME).status_code == 401
    assert other_device.get(ME).status_code == 401
    assert may_sign_in(user.email, NEW_PASSWORD)
    assert not may_sign_in(user.email, PASSWORD)


@pytest.mark.parametrize(
    ("change", "loc", "code"),
    [
        ({"password": NEW_PASSWORD}, "current_password", "password"),
        (
            {"password": NEW_PASSWORD, "current_password": "wrong"},
            "current_password",
            "password",
        ),
        ({"email": "new@example.com"}, "current_password", "password"),
        (
            {"email": "new@example.com", "current_password": "wrong"},
            "current_password",
            "password",
        ),
        ({"password": "short", "current_password": PASSWORD}, "password", "password"),
        ({"password": "password123", "current_password": PASSWORD}, "password", "password"),
        ({"password": None, "current_password": PASSWORD}, "password", "null_not_allowed"),
        ({"full_name": 5}, "full_name", "string_type"),
        ({"full_name": None}, "full_name", "null_not_allowed"),
        ({"full_name": "a\0b"}, "full_name", "string_characters"),
        ({"full_name": "x" * 256}, "full_name", "string_too_long"),
        ({"email": "not an address", "current_password": PASSWORD}, "email", "email"),
        ({"email": "a\0@b.de", "current_password": PASSWORD}, "email", "string_characters"),
    ],
)
def test_a_refused_change_of_the_profile_changes_nothing(
    change: dict[str, Any], loc: str, code: str
) -> None:
    user = UserFactory.create(email="ann@example.com")
    before = row_of(user)

    response = client_of(user).patch(ME, change)

    assert response.status_code == 422
    assert (("body", loc), code) in issues_of(response)
    assert PASSWORD not in response.content.decode()
    assert row_of(user) == before


def test_a_user_moves_to_another_address_with_the_password() -> None:
    user = UserFactory.create()

    response = client_of(user).patch(
        ME, {"email": " New@EXAMPLE.com", "current_password": PASSWORD}
    )

    assert (response.status_code, response.json()["email"]) == (200, "New@example.com")
    assert may_sign_in("new@example.com", PASSWORD)


def test_an_address_of_somebody_else_is_a_conflict() -> None:
    UserFactory.create(email="Bo@example.com")
    user = UserFactory.create()
    before = row_of(user)

    response = client_of(user).patch(ME, {"email": "bo@example.com", "current_password": PASSWORD})

    assert (response.status_code, response.json()) == (
        409,
        {"detail": "A user with this e-mail already exists"},
    )
    assert row_of(user) == before


@pytest.mark.covers("T52")
def test_guessing_the_current_password_is_counted(settings: Settings) -> None:
    settings.AXES_ENABLED = True
    settings.AXES_FAILURE_LIMIT = 3
    client = client_of(UserFactory.create())
    guess = {"password": NEW_PASSWORD, "current_password": "wrong"}

    responses = [client.patch(ME, guess) for _ in range(4)]

    assert [response.status_code for response in responses] == [422, 422, 429, 429]
    assert responses[-1]["Retry-After"] == "900"


@pytest.mark.covers("T41")
@pytest.mark.parametrize(("field", "value"), (SERVER_OWNED | RIGHTS).items())
def test_nobody_gives_themselves_a_server_owned_value(field: str, value: Any) -> None:
    user = UserFactory.create()
    before = row_of(user)

    response = client_of(user).patch(ME, {field: value})

    after = row_of(user)
    assert response.status_code == 200
    assert {**after, "updated_at": None} == {**before, "updated_at": None}
    assert after["updated_at"].year > 2001


@pytest.mark.covers("T41")
@pytest.mark.parametrize(("field", "value"), SERVER_OWNED.items())
def test_not_even_a_superuser_sets_a_server_owned_value(cast: Cast, field: str, value: Any) -> None:
    client = client_of(cast.superuser)
    before = row_of(cast.member)

    changed = client.patch(f"{USERS}{cast.member.pk}", {field: value})
    created = client.post(
        USERS, {"email": "new@example.com", "password": NEW_PASSWORD, field: value}
    )

    after = row_of(cast.member)
    assert changed.status_code == 200
    assert {**after, "updated_at": None} == {**before, "updated_at": None}
    assert created.status_code == 201
    assert created.json()["id"] != value
    assert created.json()["created_at"] > "2002"
    user = User.objects.get(pk=created.json()["id"])
    assert (user.deleted_at, user.last_login, user.memberships.count()) == (None, None, 0)


@pytest.mark.covers("T40")
@pytest.mark.parametrize("method", ["get", "post", "patch", "delete"])
@pytest.mark.parametrize("caller", ["member", "admin", "owner", "outsider"])
@pytest.mark.parametrize("target", ["", "existing", "missing", "malformed"])
def test_only_superusers_reach_the_users(cast: Cast, method: str, caller: str, target: str) -> None:
    paths = {"": "", "existing": str(cast.owner.pk), "missing": str(uuid.uuid4()), "malformed": "x"}
    allowed = {"get", "post"} if target == "" else {"get", "patch", "delete"}
    before = list(User.objects.values())

    response = getattr(client_of(getattr(cast, caller)), method)(f"{USERS}{paths[target]}")

    if method in allowed:
        assert (response.status_code, response.json()) == (403, FORBIDDEN)
    else:
        assert response.status_code in {403, 405}
    assert list(User.objects.values()) == before


@pytest.mark.covers("T40")
@pytest.mark.parametrize("path", [ME, USERS, f"{USERS}{NOBODY}", f"{USERS}malformed"])
def test_strangers_are_told_to_sign_in(path: str) -> None:
    response = APIClient().get(path)

    assert (response.status_code, response.json()) == (401, {"detail": "Not authenticated"})


def test_a_superuser_creates_a_user(cast: Cast) -> None:
    client = client_of(cast.superuser)

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
    cast: Cast, change: dict[str, Any], loc: str, code: str
) -> None:
    client, before = client_of(cast.superuser), list(User.objects.values())

    created = client.post(USERS, {"email": "a@b.de", "password": NEW_PASSWORD, **change})
    changed = client.patch(f"{USERS}{cast.member.pk}", change)

    for response in (created, changed):
        assert response.status_code == 422
        assert (("body", loc), code) in issues_of(response)
    assert list(User.objects.values()) == before


def test_every_missing_field_is_named(cast: Cast) -> None:
    client = client_of(cast.superuser)

    assert issues_of(client.post(USERS, {})) == {
        (("body", "email"), "missing"),
        (("body", "password"), "missing"),
    }
    assert issues_of(client.post(USERS, [])) == {(("body",), "object_type")}


def test_half_a_character_is_refused(cast: Cast) -> None:
    body = r'{"full_name": "\ud800"}'

    response = client_of(cast.member).generic("PATCH", ME, body, content_type="application/json")

    assert response.status_code == 422
    assert issues_of(response) == {(("body", "full_name"), "string_characters")}


def test_a_weak_password_names_each_weakness(cast: Cast) -> None:
    response = client_of(cast.superuser).post(USERS, {"email": "a@b.de", "password": "abc123"})

    detail = response.json()["detail"]
    assert [issue["type"] for issue in detail] == ["password", "password"]
    assert "abc123" not in response.content.decode()


def test_a_second_user_with_an_address_is_a_conflict(cast: Cast) -> None:
    response = client_of(cast.superuser).post(
        USERS, {"email": cast.member.email.upper(), "password": NEW_PASSWORD}
    )

    assert response.status_code == 409
    assert User.objects.with_email(cast.member.email).count() == 1


def test_a_superuser_changes_a_user(cast: Cast) -> None:
    change = {"email": "moved@example.com", "full_name": "Moved", "is_staff": True}

    response = client_of(cast.superuser).patch(
        f"{USERS}{cast.member.pk}", {**change, "password": NEW_PASSWORD}
    )

    assert response.status_code == 200
    assert {name: response.json()[name] for name in change} == change
    assert may_sign_in("moved@example.com", NEW_PASSWORD)


def test_a_superuser_disables_a_user_at_once(cast: Cast) -> None:
    member = client_of(cast.member)

    client_of(cast.superuser).patch(f"{USERS}{cast.member.pk}", {"is_active": False})

    assert member.get(ME).status_code == 401


@pytest.mark.covers("T40")
@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_a_missing_user_is_a_404_and_a_malformed_id_a_422(cast: Cast, method: str) -> None:
    call = getattr(client_of(cast.superuser), method)

    missing, malformed = call(f"{USERS}{uuid.uuid4()}"), call(f"{USERS}not-a-uuid")

    assert (missing.status_code, missing.json()) == (404, MISSING)
    assert malformed.status_code == 422
    assert issues_of(malformed) == {(("path", "user_id"), "uuid_parsing")}


def test_a_deleted_user_is_disabled_and_forgotten_but_stays_a_row(cast: Cast) -> None:
    email, client = cast.member.email, client_of(cast.member)
    superuser = client_of(cast.superuser)

    response = superuser.delete(f"{USERS}{cast.member.pk}")

    user = User.objects.get(pk=cast.member.pk)
    assert (response.status_code, response.content) == (204, b"")
    assert (user.is_active, user.full_name) == (False, "Deleted user")
    assert user.email == f"deleted-{user.pk}@deleted.invalid"
    assert user.deleted_at is not None
    assert not user.has_usable_password()
    assert not Membership.objects.filter(user=user).exists()
    assert client.get(ME).status_code == 401
    assert not may_sign_in(email, PASSWORD)
    again = superuser.delete(f"{USERS}{user.pk}")
    assert (again.status_code, again.json()) == (404, MISSING)
    assert superuser.get(f"{USERS}{user.pk}").status_code == 404
    assert str(user.pk) not in {row["id"] for row in superuser.get(USERS).json()["data"]}


def test_the_address_of_a_deleted_user_is_free_again(cast: Cast) -> None:
    email = cast.member.email
    client = client_of(cast.superuser)
    client.delete(f"{USERS}{cast.member.pk}")

    response = client.post(USERS, {"email": email, "password": NEW_PASSWORD})

    assert response.status_code == 201


def test_the_last_owner_of_others_is_not_deleted(cast: Cast) -> None:
    response = client_of(cast.superuser).delete(f"{USERS}{cast.owner.pk}")

    cast.owner.refresh_from_db()
    assert (response.status_code, response.json()) == (
        409,
        {"detail": "An organization needs at least one owner"},
    )
    assert cast.owner.is_active
    assert cast.owner.memberships.get().role == Role.OWNER


def test_an_owner_alone_in_an_organization_is_deleted(cast: Cast) -> None:
    response = client_of(cast.superuser).delete(f"{USERS}{cast.outsider.pk}")

    assert response.status_code == 204
    assert Organization.objects.filter(pk=cast.other_organization.pk).exists()


def test_one_of_two_owners_is_deleted(cast: Cast) -> None:
    MembershipFactory.create(organization=cast.organization, role=Role.OWNER)

    response = client_of(cast.superuser).delete(f"{USERS}{cast.owner.pk}")

    assert response.status_code == 204


@pytest.mark.parametrize("change", [{"is_superuser": False}, {"is_active": False}, None])
def test_the_last_superuser_stays(cast: Cast, change: dict[str, bool] | None) -> None:
    client, path = client_of(cast.superuser), f"{USERS}{cast.superuser.pk}"
    UserFactory.create(superuser=True, is_active=False)  # one who cannot help

    response = client.delete(path) if change is None else client.patch(path, change)

    cast.superuser.refresh_from_db()
    assert (response.status_code, response.json()) == (
        409,
        {"detail": "At least one active superuser is needed"},
    )
    assert (cast.superuser.is_active, cast.superuser.is_superuser) == (True, True)


def test_one_of_two_superusers_may_go(cast: Cast) -> None:
    other = UserFactory.create(superuser=True)

    assert client_of(cast.superuser).delete(f"{USERS}{other.pk}").status_code == 204


@pytest.mark.covers("T48")
def test_the_list_is_the_oldest_first_in_windows(
    cast: Cast, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = client_of(cast.superuser)
    everybody = [
        str(pk) for pk in User.objects.order_by("created_at", "id").values_list("pk", flat=True)
    ]

    with django_assert_max_num_queries(3):
        whole = client.get(USERS).json()
    window = client.get(f"{USERS}?skip=1&limit=2").json()

    assert set(whole) == {"data", "count"}
    assert [row["id"] for row in whole["data"]] == everybody
    assert whole["count"] == len(everybody) == 5
    assert [row["id"] for row in window["data"]] == everybody[1:3]
    assert window["count"] == 5
    assert client.get(f"{USERS}?skip=100").json() == {"data": [], "count": 5}


@pytest.mark.covers("T48")
@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=-1", "limit=1001", "limit=1000000000", "limit=x", "limit=1e3", "skip=-1",
     "skip=x", "skip=99999999999999999999", "limit=%00", "skip=1.5"],
)  # fmt: skip
def test_a_window_out_of_bounds_is_a_422(cast: Cast, query: str) -> None:
    for path in (USERS, "/api/v1/organizations/"):
        response = client_of(cast.superuser).get(f"{path}?{query}")

        assert response.status_code == 422
        assert {issue["loc"][0] for issue in response.json()["detail"]} == {"query"}


def test_deleting_forgets_the_address_everywhere(cast: Cast, settings: Settings) -> None:
    settings.AXES_ENABLED = True
    may_sign_in(cast.member.email, "wrong")
    assert AccessAttempt.objects.count() == 1

    users.delete(user_id=cast.member.pk, now=timezone.now())

    assert AccessAttempt.objects.count() == 0
