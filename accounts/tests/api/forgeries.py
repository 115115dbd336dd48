"""Forged access tokens."""

import base64
import hmac
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import jwt
from django.conf import settings

OTHER_SECRET = "another-secret-of-enough-length-0123456789"


FAR_FUTURE = 4_000_000_000  # October 2096


Claims = dict[str, Any]


def segment(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def build_token(
    header: Any, claims: Any, *, secret: str | None = None, digest: str = "sha256"
) -> str:
    """Build a token by hand, also with content that no library would sign."""
    signed = f"{segment(header)}.{segment(claims)}"
    key = settings.SECRET_KEY if secret is None else secret
    signature = hmac.new(key.encode(), signed.encode(), digest).digest()
    return f"{signed}.{segment(signature)}"


def signed_with_our_secret(claims: Claims, **changes: Any) -> str:
    """Sign changed claims as someone who knows our secret could; None removes a claim."""
    changed = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return build_token({"alg": "HS256", "typ": "JWT"}, changed)


def with_header(claims: Claims, **header: Any) -> str:
    return build_token({"alg": "HS256", "typ": "JWT", **header}, claims)


def unsigned(claims: Claims, algorithm: str, signature: str = "") -> str:
    return f"{segment({'alg': algorithm, 'typ': 'JWT'})}.{segment(claims)}.{signature}"


def with_algorithm(claims: Claims, algorithm: str, digest: str = "sha256") -> str:
    return build_token({"alg": algorithm, "typ": "JWT"}, claims, digest=digest)


PUBLIC_KEY = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYI\n-----END PUBLIC KEY-----\n"


Forge = Callable[[Claims], str]


# `ses` is PASSWORD_CLAIM, a fingerprint of the password hash.
FORGERIES: dict[str, Forge] = {
    "alg none": lambda c: unsigned(c, "none"),
    "alg None": lambda c: unsigned(c, "None"),
    "alg NONE": lambda c: unsigned(c, "NONE"),
    "alg none with our signature": lambda c: with_algorithm(c, "none"),
    "alg empty": lambda c: with_algorithm(c, ""),
    "alg missing": lambda c: build_token({"typ": "JWT"}, c),
    "alg null": lambda c: build_token({"alg": None}, c),
    "alg a list": lambda c: build_token({"alg": ["HS256"]}, c),
    "alg HS384": lambda c: with_algorithm(c, "HS384", "sha384"),
    "alg HS512": lambda c: with_algorithm(c, "HS512", "sha512"),
    "alg RS256 with our secret": lambda c: with_algorithm(c, "RS256"),
    "alg ES256 with our secret": lambda c: with_algorithm(c, "ES256"),
    "alg PS256 with our secret": lambda c: with_algorithm(c, "PS256"),
    "HS256 keyed with a public key": lambda c: build_token({"alg": "HS256"}, c, secret=PUBLIC_KEY),
    "another secret": lambda c: jwt.encode(c, OTHER_SECRET, algorithm="HS256"),
    "an empty secret": lambda c: build_token({"alg": "HS256"}, c, secret=""),
    "no signature": lambda c: unsigned(c, "HS256"),
    "a truncated signature": lambda c: signed_with_our_secret(c)[:-4],
    "changed claims": lambda c: with_claims(
        signed_with_our_secret(c), {**c, "sub": str(uuid.uuid4())}
    ),
    "a refresh token": lambda c: signed_with_our_secret(c, token_type="refresh"),
    "an unknown type": lambda c: signed_with_our_secret(c, token_type="admin"),
    "no type": lambda c: signed_with_our_secret(c, token_type=None),
    "another audience": lambda c: signed_with_our_secret(c, aud="billing"),
    "no audience": lambda c: signed_with_our_secret(c, aud=None),
    "expired": lambda c: signed_with_our_secret(c, exp=int(time.time()) - 1),
    "no exp": lambda c: signed_with_our_secret(c, exp=None),
    "exp a string": lambda c: signed_with_our_secret(c, exp="tomorrow"),
    "exp after the year 9999": lambda c: signed_with_our_secret(c, exp=10**30),
    "exp infinite": lambda c: signed_with_our_secret(c, exp=float("inf")),
    "nbf in the future": lambda c: signed_with_our_secret(c, nbf=FAR_FUTURE),
    "iat in the future": lambda c: signed_with_our_secret(c, iat=FAR_FUTURE),
    "no jti": lambda c: signed_with_our_secret(c, jti=None),
    "no subject": lambda c: signed_with_our_secret(c, sub=None),
    "subject not a uuid": lambda c: signed_with_our_secret(c, sub="1 OR 1=1"),
    "subject a number": lambda c: signed_with_our_secret(c, sub=1),
    "subject an object": lambda c: signed_with_our_secret(c, sub={"$ne": ""}),
    "subject with NUL": lambda c: signed_with_our_secret(c, sub="\0"),
    "an unknown user": lambda c: signed_with_our_secret(c, sub=str(uuid.uuid4())),
    "no password claim": lambda c: signed_with_our_secret(c, ses=None),
    "a guessed password claim": lambda c: signed_with_our_secret(c, ses="0" * 32),
    "a password claim that is not a string": lambda c: signed_with_our_secret(c, ses=["x"]),
    "kid a path": lambda c: with_header(c, kid="../../dev/null", alg="HS512"),
    "SQL in kid, another secret": lambda c: build_token(
        {"alg": "HS256", "kid": "x' UNION SELECT 'k"}, c, secret="k"
    ),
    "jku on another host": lambda c: build_token(
        {"alg": "HS256", "jku": "https://evil.test/keys"}, c, secret=OTHER_SECRET
    ),
    "embedded jwk": lambda c: build_token(
        {"alg": "HS256", "jwk": {"kty": "oct", "k": segment(b"k" * 32)}}, c, secret="k" * 32
    ),
    "unknown crit": lambda c: with_header(c, crit=["exp-soon"]),
    "detached payload": lambda c: with_header(c, b64=False, crit=["b64"]),
    "header an array": lambda c: build_token([], c),
    # 2,900 and 2,800 bytes are, in base64, just within MAX_TOKEN_LENGTH: more is rejected unread.
    "header deeply nested": lambda _: f"{segment(b'[' * 2900)}.e30.e30",
    "claims an array": lambda c: build_token({"alg": "HS256"}, [c]),
    "claims not JSON": lambda _: build_token({"alg": "HS256"}, b"\xff\xfe"),
    "claims a number of 2,800 digits": lambda _: build_token({"alg": "HS256"}, b"9" * 2800),
    "longer than MAX_TOKEN_LENGTH": lambda c: signed_with_our_secret(c, padding="x" * 100_000),
    "two parts": lambda c: signed_with_our_secret(c).rpartition(".")[0],
    "four parts": lambda c: f"{signed_with_our_secret(c)}.e30",
    "only dots": lambda _: "..",
    "not base64": lambda _: "!!!.???.***",
    "two tokens": lambda c: f"{signed_with_our_secret(c)} {signed_with_our_secret(c)}",
    "two headers joined": lambda c: (
        f"{signed_with_our_secret(c)}, Bearer {signed_with_our_secret(c)}"
    ),
    "non-ASCII letters": lambda _: "é" * 40,
    "empty": lambda _: "",
}


def with_claims(token: str, claims: Claims) -> str:
    header, _, signature = token.split(".")
    return f"{header}.{segment(claims)}.{signature}"
