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


FAR = 4_000_000_000


Claims = dict[str, Any]


def segment(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def crafted(header: Any, claims: Any, *, secret: str | None = None, digest: str = "sha256") -> str:
    """Build a token by hand, also with content that no library would sign."""
    signed = f"{segment(header)}.{segment(claims)}"
    key = settings.SECRET_KEY if secret is None else secret
    signature = hmac.new(key.encode(), signed.encode(), digest).digest()
    return f"{signed}.{segment(signature)}"


def good(claims: Claims, **changes: Any) -> str:
    """Sign claims with our own secret, as someone who stole it could; None removes a claim."""
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
