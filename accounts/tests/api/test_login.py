import statistics
import time
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from pytest_django import Settings
from rest_framework.test import APIClient
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from accounts.models import User
from accounts.services import sessions
from accounts.tests.api.login_requests import FORM, LOGIN, REFRESH, issues_of, sign_in
from accounts.tests.factories import PASSWORD, UserFactory, client_of

TEST_TOKEN = "/api/v1/login/test-token"
WRONG = {"detail": "Incorrect email or password"}

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("typed", ["Ann@example.com", "ann@EXAMPLE.com", "  ANN@example.com "])
def test_sign_in_ignores_case_and_spaces_of_the_address(typed: str) -> None:
    user = UserFactory.create(email="Ann@example.com")

    response = sign_in(typed, grant_type="password", scope="", client_id="", client_secret="")

    body = response.json()
    assert response.status_code == 200
    assert set(body) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert (body["token_type"], body["expires_in"]) == ("bearer", 3600)
    assert response["Cache-Control"] == "no-store"
    assert sessions.user_of(access_token=body["access_token"]) == user
    user.refresh_from_db()
    assert user.last_login is not None


@pytest.mark.covers("T52")
@pytest.mark.parametrize("case", ["unknown", "wrong password", "disabled", "without password"])
def test_every_refused_sign_in_gets_the_same_response(case: str) -> None:
    user = UserFactory.create(
        email="ann@example.com",
        is_active=case != "disabled",
        password=None if case == "without password" else PASSWORD,
    )
    email = "nobody@example.com" if case == "unknown" else user.email
    password = "not-the-password" if case == "wrong password" else PASSWORD

    response = sign_in(email, password)

    assert (response.status_code, response.json()) == (401, WRONG)
    assert response["WWW-Authenticate"] == "Bearer"
    assert not OutstandingToken.objects.exists()


class SlowerHasher(PBKDF2PasswordHasher):
    """A hasher whose work a test can measure and count."""

    iterations = 4_000
    encode_count = 0

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        type(self).encode_count += 1
        return super().encode(password, salt, iterations)


@pytest.fixture
def slower_hasher(settings: Settings) -> type[SlowerHasher]:
    settings.PASSWORD_HASHERS = [f"{__name__}.SlowerHasher"]
    return SlowerHasher


def cost_of(email: str, hasher: type[SlowerHasher]) -> tuple[int, float]:
    count_before, start = hasher.encode_count, time.thread_time()
    assert sign_in(email, "not-the-password").json() == WRONG
    return hasher.encode_count - count_before, time.thread_time() - start


@pytest.mark.covers("T52")
def test_an_unknown_address_costs_the_same_hashing_work(
    slower_hasher: type[SlowerHasher],
) -> None:
    UserFactory.create(email="ann@example.com")

    pairs = [
        (cost_of("ann@example.com", slower_hasher), cost_of("nobody@example.com", slower_hasher))
        for _ in range(200)
    ]

    assert {(known[0], unknown[0]) for known, unknown in pairs} == {(1, 1)}
    known_time = statistics.median(known[1] for known, _ in pairs)
    unknown_time = statistics.median(unknown[1] for _, unknown in pairs)
    assert known_time == pytest.approx(unknown_time, rel=0.25)


@pytest.mark.parametrize(
    ("form", "issues"),
    [
        ({}, {(("body", "username"), "missing"), (("body", "password"), "missing")}),
        ({"username": "a@b.de"}, {(("body", "password"), "missing")}),
        (
            {"username": "", "password": ""},
            {(("body", "username"), "string_empty"), (("body", "password"), "string_empty")},
        ),
        ({"username": "a\0@b.de", "password": "x"}, {(("body", "username"), "string_characters")}),
        ({"username": "a@b.de", "password": "x\0"}, {(("body", "password"), "string_characters")}),
        ({"username": "a" * 255, "password": "x"}, {(("body", "username"), "string_too_long")}),
        (
            {"username": "a@b.de", "password": "x" * 1025},
            {(("body", "password"), "string_too_long")},
        ),
        (
            {"username": "a@b.de", "password": "x", "grant_type": "client_credentials"},
            {(("body", "grant_type"), "enum")},
        ),
    ],
)
def test_a_malformed_form_reports_each_error(
    form: dict[str, str], issues: set[tuple[tuple[str, ...], str]]
) -> None:
    response = APIClient().post(LOGIN, urlencode(form), content_type=FORM)

    assert response.status_code == 422
    assert issues_of(response) == issues


@pytest.mark.covers("T45")
@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b'{"username": "a@b.de", "password": "x"}', "application/json", 415),
        (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x", 415),
        (b"username=a&password=b", "text/plain", 415),
        (b"username=%ff%fe&password=%ff", FORM, 401),
        (b"username=\xff\xfe&password=\xff", FORM, 401),
        (b"username=a%40b.de&password=x", f"{FORM}; charset=klingon", 401),
        (b"username=a%40b.de&password=x", f"{FORM}; charset=utf-16", 401),
        (b"username=" + b"a" * 70_000, FORM, 413),
        (b"&".join(b"f%d=1" % n for n in range(5_000)), FORM, 422),
        (b"&&&===", FORM, 422),
        (b"username[]=a&password[x]=b", FORM, 422),
        (b"username=%00&password=%00", FORM, 422),
        (b"", FORM, 422),
    ],
)
def test_a_hostile_body_gets_a_client_error(body: Any, content_type: str, status: int) -> None:
    response = APIClient().generic("POST", LOGIN, body, content_type=content_type)

    assert response.status_code == status
    assert set(response.json()) == {"detail"}


@pytest.fixture
def lockout(settings: Settings) -> None:
    settings.AXES_ENABLED = True
    settings.AXES_FAILURE_LIMIT = 3


@pytest.mark.covers("T50", "T52")
def test_repeated_failures_lock_the_pair_of_email_and_ip_address(lockout: None) -> None:
    UserFactory.create(email="Ann@example.com")
    other = UserFactory.create(email="bo@example.com")
    spellings = ["Ann@example.com", "ANN@example.com", " ann@EXAMPLE.com"]

    failures = [sign_in(spelling, "wrong").status_code for spelling in spellings]
    locked_response = sign_in("ann@example.com", PASSWORD)

    assert failures == [401, 401, 429]
    assert (locked_response.status_code, locked_response["Retry-After"]) == (429, "900")
    assert locked_response.json() == {"detail": "Too many failed sign-ins. Try again later."}
    assert sign_in(other.email).status_code == 200


@pytest.mark.covers("T50")
def test_a_forged_forwarding_header_does_not_reset_the_failure_count(lockout: None) -> None:
    UserFactory.create(email="ann@example.com")
    form = urlencode({"username": "ann@example.com", "password": "wrong"})

    statuses = [
        APIClient()
        .post(
            LOGIN,
            form,
            content_type=FORM,
            HTTP_X_FORWARDED_FOR=f"203.0.113.{number}",
            HTTP_X_REAL_IP=f"203.0.113.{number}",
            HTTP_FORWARDED=f"for=203.0.113.{number}",
            HTTP_USER_AGENT=f"agent {number}",
        )
        .status_code
        for number in range(4)
    ]

    assert statuses == [401, 401, 429, 429]


def test_signing_in_resets_the_failure_count(lockout: None) -> None:
    UserFactory.create(email="Ann@example.com")

    statuses = [
        sign_in("ann@example.com", password).status_code
        for password in ("wrong", "wrong", PASSWORD, "wrong", "wrong")
    ]

    assert statuses == [401, 401, 200, 401, 401]


def test_the_admin_sign_in_page_is_locked_too(lockout: None) -> None:
    UserFactory.create(email="root@example.com", superuser=True)
    client = APIClient()
    form = {"username": "ROOT@example.com", "password": "wrong"}

    statuses = [
        client.post("/admin/login/", urlencode(form), content_type=FORM).status_code
        for _ in range(3)
    ]
    locked_response = client.post("/admin/login/", urlencode(form), content_type=FORM)

    assert statuses == [200, 200, 429]
    assert (locked_response.status_code, locked_response["Retry-After"]) == (429, "900")
    assert sign_in("root@example.com").status_code == 429


def test_the_token_test_returns_the_user() -> None:
    user = UserFactory.create()

    response = client_of(user).post(TEST_TOKEN)

    assert response.status_code == 200
    assert response.json()["id"] == str(user.pk)
    assert response.json()["email"] == user.email


@pytest.mark.parametrize("path", [LOGIN, REFRESH, TEST_TOKEN])
def test_a_path_works_with_and_without_a_trailing_slash(path: str) -> None:
    assert APIClient().post(f"{path}/").status_code == APIClient().post(path).status_code


def test_sign_in_ignores_the_authorization_header() -> None:
    user = UserFactory.create()
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION="Bearer nonsense")
    form = urlencode({"username": user.email, "password": PASSWORD})

    assert client.post(LOGIN, form, content_type=FORM).status_code == 200
    assert User.objects.count() == 1
