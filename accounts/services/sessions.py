"""Sign-in, refresh of tokens, and the users of access tokens.

How long tokens are valid is in `SIMPLE_JWT` (sartiq/settings/base.py).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any, NoReturn
from uuid import UUID

from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from django.utils.timezone import now
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from accounts import lockout
from accounts.errors import (
    CredentialsError,
    CurrentPasswordError,
    LockedOutError,
    WrongPasswordError,
)
from accounts.models import User
from accounts.rules import sign_in_name
from sartiq.core.statements import select_by_id

MAX_TOKEN_LENGTH = 4096  # issued tokens have about 400 characters

_UNUSED_FIELDS = ("last_login", "deleted_at")  # parsing timestamps takes time
PASSWORD_CLAIM = "ses"  # noqa: S105  name of the claim derived from the password hash


@dataclass(frozen=True, kw_only=True)
class Session:
    """A pair of tokens for one user."""

    access_token: str
    refresh_token: str
    expires_in: int
    token_type: str = "bearer"  # noqa: S105  a token type of OAuth2


def sign_in(*, request: HttpRequest, email: str, password: str) -> Session:
    """Return tokens for the user with this address and password.

    An unknown address, a wrong password and a disabled user raise the same error after the same
    hashing work. Raises LockedOutError after too many failures for this address and client.
    """
    user = _authenticated(request=request, email=email, password=password)
    if user is None:
        raise WrongPasswordError
    user_logged_in.send(sender=User, request=request, user=user)
    return open_session(user=user)


def open_session(*, user: User) -> Session:
    """Return new tokens for an authenticated user."""
    token = RefreshToken.for_user(user)
    # Added after simplejwt stored its copy: the copy in the database cannot be used as a token.
    token[PASSWORD_CLAIM] = _password_fingerprint(user)
    access = token.access_token
    lifetime = int(AccessToken.lifetime.total_seconds())
    return Session(access_token=str(access), refresh_token=str(token), expires_in=lifetime)


def confirm_password(*, request: HttpRequest, user: User, password: str | None) -> None:
    """Raise CurrentPasswordError unless this is the user's password; failures count as sign-ins."""
    if password is None:
        raise CurrentPasswordError("Send the current password.", loc=("body", "current_password"))
    if _authenticated(request=request, email=user.email, password=password) is None:
        raise CurrentPasswordError(loc=("body", "current_password"))


def refresh(*, refresh_token: str) -> Session:
    """Exchange a refresh token, once, for new tokens.

    Two requests with the same token are serialized on its row: only the first succeeds.
    """
    token = _verified(RefreshToken, refresh_token)
    user = _active_user_of(token)
    with transaction.atomic():
        issued = (
            OutstandingToken.objects.select_for_update(of=("self",))
            .filter(jti=token["jti"])
            .first()
        )
        if issued is None or BlacklistedToken.objects.filter(token=issued).exists():
            raise CredentialsError
        BlacklistedToken.objects.create(token=issued)
        return open_session(user=user)


def user_of(*, access_token: str) -> User:
    """Return the active user of an access token; one query."""
    token = _verified_once(access_token)
    try:
        token.check_exp(current_time=now())
    except TokenError:
        _refuse()
    return _active_user_of(token)


@lru_cache(maxsize=4096)
def _verified_once(access_token: str) -> Token:
    """Return a token whose signature is verified only once; the caller checks its expiry.

    Clients send a token with hundreds of requests, and verifying it takes 0.1 ms.
    """
    return _verified(AccessToken, access_token)


def _authenticated(*, request: HttpRequest, email: str, password: str) -> User | None:
    user = authenticate(request=request, username=sign_in_name(email), password=password)
    if user is None and getattr(request, "axes_locked_out", False):
        raise LockedOutError(retry_after=timedelta(seconds=lockout.seconds_locked(request)))
    return user if isinstance(user, User) else None


def _password_fingerprint(user: User) -> str:
    """Return a value that changes with the password and reveals nothing about it."""
    return user.get_session_auth_hash()[:32]


def _verified(token_class: Callable[[Any], Token], raw: str) -> Token:
    if len(raw) > MAX_TOKEN_LENGTH:
        raise CredentialsError
    try:
        return token_class(raw)
    except (TokenError, ValueError, TypeError, OverflowError, RecursionError):
        # The libraries let other exceptions through for malicious JSON or numbers.
        _refuse()


def _refuse() -> NoReturn:
    raise CredentialsError from None


def _active_user_of(token: Token) -> User:
    try:
        user_id = UUID(str(token["sub"]))
    except (KeyError, ValueError):
        _refuse()
    user = select_by_id(User, user_id, without=_UNUSED_FIELDS)
    if (
        user is None
        or not user.is_active
        or not constant_time_compare(
            str(token.get(PASSWORD_CLAIM, "")), _password_fingerprint(user)
        )
    ):
        raise CredentialsError
    return user
