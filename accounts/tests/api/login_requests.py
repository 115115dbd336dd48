"""Requests to sign in."""

from typing import Any
from urllib.parse import urlencode

from rest_framework.test import APIClient

from accounts.tests.factories import PASSWORD

FORM = "application/x-www-form-urlencoded"


LOGIN = "/api/v1/login/access-token"


REFRESH = "/api/v1/login/refresh-token"


def sign_in(email: str, password: str = PASSWORD, **extra: str) -> Any:
    form = urlencode({"username": email, "password": password, **extra})
    return APIClient().post(LOGIN, form, content_type=FORM)


def issues_of(response: Any) -> set[tuple[tuple[str, ...], str]]:
    return {(tuple(issue["loc"]), issue["type"]) for issue in response.json()["detail"]}
