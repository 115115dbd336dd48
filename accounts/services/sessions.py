"""Signing in, refreshing, and telling whom a token speaks for."""

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

MAX_TOKEN_LENGTH = 4096  # ours have about 400 characters

_NEVER_ASKED = ("last_login", "deleted_at")  # of a caller; reading a timestamp is not free
PASSWORD_CLAIM = "ses"  # noqa: S105  the claim's name, tied to the password's hash


@dataclass(frozen=True, kw_only=True)
class Session:
    """A pair of tokens for one user."""

    access_token: str
    refresh_token: str
    expires_in: int
    token_type: str = "bearer"  # noqa: S105  the OAuth2 name of the kind


def sign_in(*, request: HttpRequest, email: str, password: str) -> Session:
    """Return tokens for the user with this address and password.

    An unknown address, a wrong password and a disabled user get the same error after the same
    hashing work. Raises LockedOutError after too many failures for this address and client.
    """
    user = _authenticated(request=request, email=email, password=password)
    if user is None:
        raise WrongPasswordError
    user_logged_in.send(sender=User, request=request, user=user)
    return open_session(user=user)


def open_session(*, user: User) -> Session:
    """Return new tokens for a user who has just proved who they are."""
    token = RefreshToken.for_user(user)
    # Added after simplejwt stored its copy: the copy in the database cannot be used as a token.
    token[PASSWORD_CLAIM] = _password_mark(user)
    access = token.access_token
    lifetime = int(AccessToken.lifetime.total_seconds())
    return Session(access_token=str(access), refresh_token=str(token), expires_in=lifetime)


def confirm_password(*, request: HttpRequest, user: User, password: str | None) -> None:
    """Refuse a caller who holds a token but does not know the password; tries are counted."""
    if password is None:
        raise CurrentPasswordError("Send the current password.", loc=("body", "current_password"))
    if _authenticated(request=request, email=user.email, password=password) is None:
        raise CurrentPasswordError(loc=("body", "current_password"))


def refresh(*, refresh_token: str) -> Session:
    """Exchange a refresh token, once, for new tokens.

    Two requests with the same token are serialised on its row: one wins, the other is refused.
    """
    token = _verified(RefreshToken, refresh_token)
    user = _able_user_of(token)
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
    """Return the able user an access token speaks for; one query."""
    token = _verified_once(access_token)
    try:
        token.check_exp(current_time=now())
    except TokenError:
        _refuse()
    return _able_user_of(token)


@lru_cache(maxsize=4096)
def _verified_once(access_token: str) -> Token:
    """Return a token after verifying its signature once; its expiry is checked at each request.

    A client sends one token with hundreds of requests, and verifying costs 0.1 ms.
    """
    return _verified(AccessToken, access_token)


def _authenticated(*, request: HttpRequest, email: str, password: str) -> User | None:
    user = authenticate(request=request, username=sign_in_name(email), password=password)
    if user is None and getattr(request, "axes_locked_out", False):
        raise LockedOutError(retry_after=timedelta(seconds=lockout.seconds_locked(request)))
    return user if isinstance(user, User) else None


def _password_mark(user: User) -> str:
    """Return what a changed password changes; nothing can be learned from it."""
    return user.get_session_auth_hash()[:32]


def _verified(kind: Callable[[Any], Token], raw: str) -> Token:
    if len(raw) > MAX_TOKEN_LENGTH:
        raise CredentialsError
    try:
        return kind(raw)
    except (TokenError, ValueError, TypeError, OverflowError, RecursionError):
        # Beside its own TokenError the libraries let through what hostile JSON or numbers do.
        _refuse()


def _refuse() -> NoReturn:
    raise CredentialsError from None


def _able_user_of(token: Token) -> User:
    try:
        user_id = UUID(str(token["sub"]))
    except (KeyError, ValueError):
        _refuse()
    user = select_by_id(User, user_id, without=_NEVER_ASKED)
    if (
        user is None
        or not user.is_active
        or not constant_time_compare(str(token.get(PASSWORD_CLAIM, "")), _password_mark(user))
    ):
        raise CredentialsError
    return user
