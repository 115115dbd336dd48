"""Creating, changing and deleting users."""

from datetime import datetime
from typing import Any
from uuid import UUID

from axes.models import AccessAttempt
from django.contrib.admin.models import LogEntry
from django.contrib.auth.password_validation import validate_password
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from accounts.errors import (
    EmailTakenError,
    LastSuperuserError,
    PasswordRefusedError,
    UserNotFoundError,
)
from accounts.models import User
from accounts.rules import normal_email, sign_in_name
from accounts.services import members, sessions
from sartiq.core.errors import InvalidManyError
from sartiq.core.preconditions import Precondition, unconditional

DELETED_NAME = "Deleted user"


def create(*, email: str, password: str, **facts: Any) -> User:
    """Store a user who can sign in. Raises EmailTakenError, or names what the password lacks."""
    user = User(email=normal_email(email), **facts)
    _set_password(user, password)
    return _saved(user)


def change(
    *,
    user_id: UUID,
    password: str | None = None,
    precondition: Precondition = unconditional,
    **facts: Any,
) -> User:
    """Change a user's facts as a superuser; a new password ends all their sessions."""
    remains_superuser = facts.get("is_superuser", True) and facts.get("is_active", True)
    with transaction.atomic():
        able = set() if remains_superuser else _locked_superusers()
        user = _locked(user_id)
        precondition(user)
        _require_another(user, able)
        _apply(user, facts)
        if password is not None:
            _set_password(user, password)
        return _saved(user)


def change_own(
    *,
    request: HttpRequest,
    user: User,
    password: str | None = None,
    current_password: str | None = None,
    precondition: Precondition = unconditional,
    **facts: Any,
) -> User:
    """Change one's own profile; what one signs in with needs the current password."""
    if password is not None or "email" in facts:
        sessions.confirm_password(request=request, user=user, password=current_password)
    return change(user_id=user.pk, password=password, precondition=precondition, **facts)


def delete(*, user_id: UUID, now: datetime, precondition: Precondition = unconditional) -> None:
    """Disable and anonymise a user; rows that name them as creator stay.

    Raises LastSuperuserError or LastOwnerError if the user is the last one.
    """
    with transaction.atomic():
        # Organizations before users, as when a member is added: no two requests wait in a circle.
        members.lock_organizations_of(user_id=user_id)
        able = _locked_superusers()
        user = _locked(user_id)
        precondition(user)
        _require_another(user, able)
        members.leave_all(user=user)
        _forget_traces(user)
        _anonymise(user, now=now)


def require_superuser_left(*, user: User, is_active: bool, is_superuser: bool) -> None:
    """Refuse to disable or demote the last one who reaches everything."""
    if not (is_active and is_superuser):
        with transaction.atomic():
            # Organizations first, as everywhere: the page may change memberships next.
            members.lock_organizations_of(user_id=user.pk)
            _require_another(user, _locked_superusers())


def _locked(user_id: UUID) -> User:
    user = User.objects.not_deleted().select_for_update(no_key=True).filter(pk=user_id).first()
    if user is None:
        raise UserNotFoundError
    return user


def _locked_superusers() -> set[UUID]:
    """Lock the able superusers in one order, so two of them cannot demote each other at once."""
    able = User.objects.filter(is_superuser=True, is_active=True).order_by("pk")
    return set(able.select_for_update(no_key=True).values_list("pk", flat=True))


def _require_another(user: User, able: set[UUID]) -> None:
    if able == {user.pk}:
        raise LastSuperuserError


def _apply(user: User, changes: dict[str, Any]) -> None:
    if "email" in changes:
        changes["email"] = normal_email(changes["email"])
    for name, value in changes.items():
        setattr(user, name, value)


def _set_password(user: User, password: str) -> None:
    try:
        validate_password(password, user)
    except ValidationError as refused:
        issues = [
            PasswordRefusedError(message).at("body", "password") for message in refused.messages
        ]
        raise InvalidManyError(issues) from None
    user.set_password(password)


def _saved(user: User) -> User:
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError:
        if User.objects.with_email(user.email).exclude(pk=user.pk).exists():
            raise EmailTakenError from None
        raise
    return user


def _forget_traces(user: User) -> None:
    """Remove the address from where the admin and the sign-in counter keep copies of it."""
    AccessAttempt.objects.filter(username=sign_in_name(user.email)).delete()
    kind = ContentType.objects.get_for_model(User)
    LogEntry.objects.filter(content_type=kind, object_id=str(user.pk)).update(
        object_repr=DELETED_NAME
    )


def _anonymise(user: User, *, now: datetime) -> None:
    user.email = f"deleted-{user.pk}@deleted.invalid"
    user.full_name = DELETED_NAME
    user.is_active = user.is_staff = user.is_superuser = False
    user.last_login = None
    user.deleted_at = now
    user.set_unusable_password()
    user.save()
    user.groups.clear()
    user.user_permissions.clear()
