import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
import time_machine
from django.conf import settings
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from accounts.models import Membership, User
from accounts.services import sessions
from accounts.tests.conftest import Cast
from accounts.tests.factories import UserFactory, client_of, token_of

ME = "/api/v1/users/me"
REFUSED = {"detail": "Could not validate credentials"}
OTHER_SECRET = "another-secret-of-enough-length-0123456789"
FAR = 4_000_000_000

pytestmark = pytest.mark.django_db
Claims = dict[str, Any]


def segment(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def crafted(header: Any, claims: Any, *, secret: str | None = None, digest: str = "sha256") -> str:
    """Build a token by hand, so that it may say what no library would sign."""
    signed = f"{segment(header)}.{segment(claims)}"
    key = settings.SECRET_KEY if secret is None else secret
    mark = hmac.new(key.encode(), signed.encode(), digest).digest()
    return f"{signed}.{segment(mark)}"


def good(claims: Claims, **changes: Any) -> str:
    """Sign with our own secret, as a thief of it could; None takes a claim away."""
    changed = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return crafted({"alg": "HS256", "typ": "JWT"}, changed)


def with_header(claims: Claims, **header: Any) -> str:
    return crafted({"alg": "HS256", "typ": "JWT", **header}, claims)


def unsigned(claims: Claims, algorithm: str, signature: str = "") -> str:
    return f"{segment({'alg': algorithm, 'typ': 'JWT'})}.{segment(claims)}.{signature}"


def as_if_signed_by(claims: Claims, algorithm: str, digest: str = "sha256") -> str:
    return crafted({"alg": algorithm, "typ": "JWT"}, claims, digest=digest)


PUBLIC_KEY = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYI\n-----END PUBLIC KEY-----\n"
Forge = Callable[[Claims], str]
FORGERIES: dict[str, Forge] = {
    "alg none": lambda c: unsigned(c, "none"),
    "alg None": lambda c: unsigned(c, "None"),
    "alg NONE": lambda c: unsigned(c, "NONE"),
    "alg none with our signature": lambda c: as_if_signed_by(c, "none"),
    "alg empty": lambda c: as_if_signed_by(c, ""),
    "alg missing": lambda c: crafted({"typ": "JWT"}, c),
    "alg null": lambda c: crafted({"alg": None}, c),
    "alg a list": lambda c: crafted({"alg": ["HS256"]}, c),
    "alg HS384": lambda c: as_if_signed_by(c, "HS384", "sha384"),
    "alg HS512": lambda c: as_if_signed_by(c, "HS512", "sha512"),
    "alg RS256 with our secret": lambda c: as_if_signed_by(c, "RS256"),
    "alg ES256 with our secret": lambda c: as_if_signed_by(c, "ES256"),
    "alg PS256 with our secret": lambda c: as_if_signed_by(c, "PS256"),
    "HS256 keyed with a public key": lambda c: crafted({"alg": "HS256"}, c, secret=PUBLIC_KEY),
    "another secret": lambda c: jwt.encode(c, OTHER_SECRET, algorithm="HS256"),
    "an empty secret": lambda c: crafted({"alg": "HS256"}, c, secret=""),
    "no signature": lambda c: unsigned(c, "HS256"),
    "a cut signature": lambda c: good(c)[:-4],
    "changed claims": lambda c: with_claims(good(c), {**c, "sub": str(uuid.uuid4())}),
    "a refresh token": lambda c: good(c, token_type="refresh"),
    "an unknown type": lambda c: good(c, token_type="admin"),
    "no type": lambda c: good(c, token_type=None),
    "another audience": lambda c: good(c, aud="billing"),
    "no audience": lambda c: good(c, aud=None),
    "expired": lambda c: good(c, exp=int(time.time()) - 1),
    "no exp": lambda c: good(c, exp=None),
    "exp as text": lambda c: good(c, exp="tomorrow"),
    "exp beyond all time": lambda c: good(c, exp=10**30),
    "exp infinite": lambda c: good(c, exp=float("inf")),
    "nbf in the future": lambda c: good(c, nbf=FAR),
    "iat in the future": lambda c: good(c, iat=FAR),
    "no jti": lambda c: good(c, jti=None),
    "no subject": lambda c: good(c, sub=None),
    "subject not a uuid": lambda c: good(c, sub="1 OR 1=1"),
    "subject a number": lambda c: good(c, sub=1),
    "subject an object": lambda c: good(c, sub={"$ne": ""}),
    "subject with NUL": lambda c: good(c, sub="\0"),
    "an unknown user": lambda c: good(c, sub=str(uuid.uuid4())),
    "no password mark": lambda c: good(c, ses=None),
    "a guessed password mark": lambda c: good(c, ses="0" * 32),
    "a password mark that is no text": lambda c: good(c, ses=["x"]),
    "kid a path": lambda c: with_header(c, kid="../../dev/null", alg="HS512"),
    "kid of SQL, another secret": lambda c: crafted(
        {"alg": "HS256", "kid": "x' UNION SELECT 'k"}, c, secret="k"
    ),
    "jku of a stranger": lambda c: crafted(
        {"alg": "HS256", "jku": "https://evil.test/keys"}, c, secret=OTHER_SECRET
    ),
    "embedded jwk": lambda c: crafted(
        {"alg": "HS256", "jwk": {"kty": "oct", "k": segment(b"k" * 32)}}, c, secret="k" * 32
    ),
    "unknown crit": lambda c: with_header(c, crit=["exp-soon"]),
    "detached payload": lambda c: with_header(c, b64=False, crit=["b64"]),
    "header an array": lambda c: crafted([], c),
    "header deeply nested": lambda _: f"{segment(b'[' * 2900)}.e30.e30",
    "claims an array": lambda c: crafted({"alg": "HS256"}, [c]),
    "claims not JSON": lambda _: crafted({"alg": "HS256"}, b"\xff\xfe"),
    "claims a number of many digits": lambda _: crafted({"alg": "HS256"}, b"9" * 2800),
    "huge": lambda c: good(c, padding="x" * 100_000),
    "two parts": lambda c: good(c).rpartition(".")[0],
    "four parts": lambda c: f"{good(c)}.e30",
    "only dots": lambda _: "..",
    "not base64": lambda _: "!!!.???.***",
    "two tokens": lambda c: f"{good(c)} {good(c)}",
    "two headers joined": lambda c: f"{good(c)}, Bearer {good(c)}",
    "latin letters": lambda _: "é" * 40,
    "empty": lambda _: "",
}


def with_claims(token: str, claims: Claims) -> str:
    header, _, signature = token.split(".")
    return f"{header}.{segment(claims)}.{signature}"


@pytest.fixture
def user() -> User:
    return UserFactory.create()


@pytest.fixture
def claims(user: User) -> Claims:
    token = token_of(user)
    decoded: Claims = jwt.decode(token, options={"verify_signature": False})
    return decoded


def call(header: str, path: str = ME) -> Any:
    return APIClient().get(path, HTTP_AUTHORIZATION=header)


def test_our_own_way_of_forging_makes_a_good_token(claims: Claims) -> None:
    # Without this the forgeries below could all fail for a wrong reason.
    assert call(f"Bearer {good(claims)}").status_code == 200
    assert call(f"Bearer {with_header(claims, kid='any')}").status_code == 200


def test_there_are_at_least_forty_forgeries() -> None:
    assert len(FORGERIES) >= 40


@pytest.mark.covers("T42", "T51")
@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forged_token_is_refused(claims: Claims, forge: Forge) -> None:
    token = forge(claims)

    tries = [_timed_call(token) for _ in range(3)]

    for response, _ in tries:
        assert (response.status_code, response.json()) == (401, REFUSED)
        assert response["WWW-Authenticate"] == "Bearer"
    # The best of three: the first request of a process also pays for its imports.
    assert min(seconds for _, seconds in tries) < 0.05


def _timed_call(token: str) -> tuple[Any, float]:
    started = time.thread_time()
    response = call(f"Bearer {token}")
    return response, time.thread_time() - started


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"HTTP_AUTHORIZATION": ""},
        {"HTTP_AUTHORIZATION": "Basic dXNlcjpwYXNz"},
        {"HTTP_AUTHORIZATION": "Token abc"},
        {"HTTP_AUTHORIZATION": "Bearerx"},
    ],
)
def test_a_request_without_a_bearer_token_is_not_authenticated(headers: dict[str, Any]) -> None:
    response = APIClient().get(ME, **headers)

    assert (response.status_code, response.json()) == (401, {"detail": "Not authenticated"})
    assert response["WWW-Authenticate"] == "Bearer"


@pytest.mark.covers("T42")
@pytest.mark.parametrize("name", ["access_token", "token", "authorization", "jwt"])
def test_a_token_elsewhere_than_in_the_header_does_not_count(user: User, name: str) -> None:
    token = token_of(user)
    client = APIClient()
    client.cookies[name] = token

    response = client.get(f"{ME}?{name}={token}")

    assert (response.status_code, response.json()) == (401, {"detail": "Not authenticated"})


def test_a_session_of_the_admin_is_no_token(user: User) -> None:
    client = APIClient()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")

    assert client.get(ME).status_code == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_read_in_any_case(user: User, scheme: str) -> None:
    assert call(f"{scheme}  {token_of(user)} ").status_code == 200


@pytest.mark.covers("T42")
def test_a_refresh_token_opens_nothing(user: User) -> None:
    session = sessions.open_session(user=user)

    assert call(f"Bearer {session.refresh_token}").status_code == 401


@pytest.mark.covers("T42")
@pytest.mark.parametrize("change", ["disabled", "deleted", "password", "same password again"])
def test_a_token_dies_with_what_it_stood_for(user: User, change: str) -> None:
    client = client_of(user)
    assert client.get(ME).status_code == 200
    if change == "deleted":
        user.delete()
    elif change == "disabled":
        User.objects.filter(pk=user.pk).update(is_active=False)
    else:
        user.set_password("correct-horse-battery" if "same" in change else "another-password-1")
        user.save()

    response = client.get(ME)

    assert (response.status_code, response.json()) == (401, REFUSED)


def test_the_caller_costs_one_query(
    user: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = client_of(user)

    with django_assert_num_queries(1):
        client.get(ME)


@pytest.mark.covers("T42")
def test_a_right_claimed_in_the_token_is_not_believed(claims: Claims) -> None:
    token = good(claims, is_superuser=True, is_staff=True, role="owner", scope="admin")

    response = call(f"Bearer {token}", "/api/v1/users/")

    assert (response.status_code, response.json()) == (403, {"detail": "Not enough permissions"})


@pytest.mark.covers("T42", "T43")
def test_rights_follow_the_database_at_once(cast: Cast) -> None:
    admin, superuser = client_of(cast.admin), client_of(cast.superuser)
    organization = f"/api/v1/organizations/{cast.organization.pk}"
    assert admin.get(f"{organization}/members").status_code == 200
    assert superuser.get("/api/v1/users/").status_code == 200

    Membership.objects.filter(user=cast.admin).delete()
    User.objects.filter(pk=cast.superuser.pk).update(is_superuser=False)

    assert admin.get(organization).status_code == 403
    assert admin.get(f"{organization}/members").status_code == 403
    assert admin.get("/api/v1/organizations/").json() == {"data": [], "count": 0}
    assert superuser.get("/api/v1/users/").status_code == 403


def test_a_token_tells_nothing_of_the_password(user: User, claims: Claims) -> None:
    assert set(claims) == {"aud", "exp", "iat", "jti", "ses", "sub", "token_type"}
    digests = {
        hashlib.new(name, user.password.encode()).hexdigest() for name in ("md5", "sha1", "sha256")
    }
    assert claims["ses"] not in {digest[:32] for digest in digests}


def test_a_token_that_was_good_a_moment_ago_ends_on_time(user: User) -> None:
    client = APIClient(headers={"Authorization": f"Bearer {token_of(user)}"})
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        before = client.get(ME)
        clock.shift(AccessToken.lifetime)

        after = client.get(ME)

    assert before.status_code == 200
    assert (after.status_code, after.json()) == (401, REFUSED)
