"""Requests about users."""

from typing import Any
from urllib.parse import urlencode

from rest_framework.test import APIClient

from accounts.models import User

UNKNOWN_ID = (
    "0190a1b2-0000-7000-8000-000000000000"  # fixed, because xdist workers must collect equal tests
)


ME = "/api/v1/users/me"


USERS = "/api/v1/users/"


LOGIN = "/api/v1/login/access-token"


FORBIDDEN = {"detail": "Not enough permissions"}


NOT_FOUND = {"detail": "User not found"}


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


# Values that a client may not set; each differs from the current one.
SERVER_OWNED = {
    "id": UNKNOWN_ID,
    "user_id": UNKNOWN_ID,
    "organization_id": UNKNOWN_ID,
    "created_at": "2001-01-01T00:00:00Z",
    "updated_at": "2001-01-01T00:00:00Z",
    "deleted_at": "2001-01-01T00:00:00Z",
    "last_login": "2001-01-01T00:00:00Z",
    "groups": [1],
    "user_permissions": [1],
    "memberships": [],
}


PRIVILEGES = {"is_superuser": True, "is_staff": True, "is_active": False}


def issues_of(response: Any) -> set[tuple[tuple[str, ...], str]]:
    return {(tuple(issue["loc"]), issue["type"]) for issue in response.json()["detail"]}


def may_sign_in(email: str, password: str) -> bool:
    form = urlencode({"username": email, "password": password})
    response = APIClient().post(LOGIN, form, content_type="application/x-www-form-urlencoded")
    return bool(response.status_code == 200)


def row_of(user: User) -> dict[str, Any]:
    return {**User.objects.filter(pk=user.pk).values().get()}
