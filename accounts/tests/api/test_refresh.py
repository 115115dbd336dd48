"""Exchange of refresh tokens."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from rest_framework.test import APIClient
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from accounts.services import sessions
from accounts.tests.api.login_requests import REFRESH, issues_of, sign_in
from accounts.tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db

REFUSED = {"detail": "Could not validate credentials"}


def refresh(token: str) -> Any:
    return APIClient().post(REFRESH, {"refresh_token": token})


def test_a_refresh_token_can_be_used_once() -> None:
    user = UserFactory.create()
    first = sign_in(user.email).json()

    response = refresh(first["refresh_token"])
    second_response = refresh(first["refresh_token"])

    assert response.status_code == 200
    assert set(response.json()) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert response.json()["refresh_token"] != first["refresh_token"]
    assert (second_response.status_code, second_response.json()) == (401, REFUSED)
    assert second_response["WWW-Authenticate"] == "Bearer"
    assert refresh(response.json()["refresh_token"]).status_code == 200


@pytest.mark.covers("T42")
@pytest.mark.parametrize("change", ["password", "disabled", "deleted"])
def test_a_refresh_token_is_refused_once_its_user_or_password_has_changed(change: str) -> None:
    user = UserFactory.create()
    session = sessions.open_session(user=user)
    if change == "deleted":
        user.delete()
    else:
        user.is_active = change != "disabled"
        user.set_password("another-good-password" if change == "password" else PASSWORD)
        user.save()

    response = refresh(session.refresh_token)

    assert (response.status_code, response.json()) == (401, REFUSED)


@pytest.mark.covers("T42")
def test_only_refresh_tokens_we_issued_are_exchanged() -> None:
    user = UserFactory.create()
    session = sessions.open_session(user=user)
    OutstandingToken.objects.all().delete()

    assert refresh(session.access_token).status_code == 401
    assert refresh(session.refresh_token).status_code == 401
    assert refresh("a.b.c").status_code == 401


def test_the_stored_copy_of_a_refresh_token_cannot_be_used() -> None:
    sessions.open_session(user=UserFactory.create())

    response = refresh(OutstandingToken.objects.get().token)

    assert response.status_code == 401


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "missing"),
        ({"refresh_token": None}, "null_not_allowed"),
        ({"refresh_token": 5}, "string_type"),
        ({"refresh_token": ""}, "string_empty"),
        ({"refresh_token": "x" * 5000}, "string_too_long"),
    ],
)
def test_a_malformed_refresh_is_a_422(body: dict[str, Any], code: str) -> None:
    response = APIClient().post(REFRESH, body)

    assert response.status_code == 422
    assert issues_of(response) == {(("body", "refresh_token"), code)}


@pytest.mark.django_db(transaction=True)
def test_of_two_concurrent_refreshes_with_one_token_one_succeeds() -> None:
    session = sessions.open_session(user=UserFactory.create())

    def exchange(_: int) -> int:
        try:
            return int(refresh(session.refresh_token).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(exchange, range(4)))

    assert statuses == [200, 401, 401, 401]
