"""The caller's own profile over HTTP."""

from typing import Any

import pytest
from pytest_django import Settings

from accounts.tests.api.user_requests import (
    FIELDS,
    ME,
    NEW_PASSWORD,
    PRIVILEGES,
    SERVER_OWNED,
    issues_of,
    may_sign_in,
    row_of,
)
from accounts.tests.factories import (
    PASSWORD,
    UserFactory,
    client_of,
)

pytestmark = pytest.mark.django_db


def test_the_profile_has_exactly_the_specified_fields() -> None:
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


def test_a_user_changes_their_address_with_the_current_password() -> None:
    user = UserFactory.create()

    response = client_of(user).patch(
        ME, {"email": " New@EXAMPLE.com", "current_password": PASSWORD}
    )

    assert (response.status_code, response.json()["email"]) == (200, "New@example.com")
    assert may_sign_in("new@example.com", PASSWORD)


def test_another_users_address_is_a_conflict() -> None:
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
@pytest.mark.parametrize(("field", "value"), (SERVER_OWNED | PRIVILEGES).items())
def test_users_cannot_set_server_owned_values(field: str, value: Any) -> None:
    user = UserFactory.create()
    before = row_of(user)

    response = client_of(user).patch(ME, {field: value})

    after = row_of(user)
    assert response.status_code == 200
    assert {**after, "updated_at": None} == {**before, "updated_at": None}
    assert after["updated_at"].year > 2001
