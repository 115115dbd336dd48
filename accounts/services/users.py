"""Creation, changes and deletion of users.

The rules for passwords are `AUTH_PASSWORD_VALIDATORS` (sartiq/settings/base.py).
"""

from collections.abc import Collection
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

from accounts.actions import AccountAction
from accounts.errors import (
    EmailTakenError,
    LastSuperuserError,
    UserNotFoundError,
    WeakPasswordError,
)
from accounts.models import User
from accounts.rules import normalize_email, sign_in_name
from accounts.services import members, sessions
from sartiq.core import events
from sartiq.core.errors import InvalidValuesError
from sartiq.core.preconditions import Precondition, unconditional

DELETED_NAME = "Deleted user"


def create(*, email: str, password: str, **fields: Any) -> User:
    """Create a user. Raises EmailTakenError, or InvalidValuesError for a weak password."""
    user = User(email=normalize_email(email), **fields)
    _set_password(user, password)
    with transaction.atomic():
        _save(user)
        events.record(AccountAction.USER_CREATED, user, is_superuser=user.is_superuser)
    return user


def change(
    *,
    user_id: UUID,
    password: str | None = None,
    precondition: Precondition = unconditional,
    **fields: Any,
) -> User:
    """Change a user; a new password ends all their sessions."""
    remains_superuser = fields.get("is_superuser", True) and fields.get("is_active", True)
    with transaction.atomic():
        superusers = set() if remains_superuser else _locked_superusers()
        user = _locked(user_id)
        precondition(user)
        _require_another_superuser(user, superusers)
        was_active = user.is_active
        _apply(user, fields)
        if password is not None:
            _set_password(user, password)
        _save(user)
        record_changes(
            user, fields=fields, was_active=was_active, has_new_password=password is not None
        )
        return user


def change_own(
    *,
    request: HttpRequest,
    user: User,
    password: str | None = None,
    current_password: str | None = None,
    precondition: Precondition = unconditional,
    **fields: Any,
) -> User:
    """Change the caller's profile; a new address or password requires the current password."""
    if password is not None or "email" in fields:
        sessions.confirm_password(request=request, user=user, password=current_password)
    return change(user_id=user.pk, password=password, precondition=precondition, **fields)


def delete(*, user_id: UUID, now: datetime, precondition: Precondition = unconditional) -> None:
    """Disable and anonymize a user; the rows they created stay.

    Raises LastSuperuserError or LastOwnerError if the user is the last one.
    """
    with transaction.atomic():
        # Organizations before users, as when a member is added, to avoid deadlocks.
        members.lock_organizations_of(user_id=user_id)
        superusers = _locked_superusers()
        user = _locked(user_id)
        precondition(user)
        _require_another_superuser(user, superusers)
        members.leave_all(user=user)
        _remove_traces(user)
        _anonymize(user, now=now)
        events.record(AccountAction.USER_DELETED, user)


def record_changes(
    user: User, *, fields: Collection[str], was_active: bool, has_new_password: bool = False
) -> None:
    """Record the saved changes of a user, in the caller's transaction."""
    if fields:
        events.record(AccountAction.USER_UPDATED, user, fields=sorted(fields))
    if user.is_active != was_active:
        action = AccountAction.USER_ACTIVATED if user.is_active else AccountAction.USER_DEACTIVATED
        events.record(action, user)
    if has_new_password:
        events.record(AccountAction.USER_PASSWORD_CHANGED, user)


def require_remaining_superuser(*, user: User, is_active: bool, is_superuser: bool) -> None:
    """Raise LastSuperuserError if the change would leave no active superuser."""
    if not (is_active and is_superuser):
        with transaction.atomic():
            # The lock order of `delete`: the admin page may lock memberships afterwards.
            members.lock_organizations_of(user_id=user.pk)
            _require_another_superuser(user, _locked_superusers())


def _locked(user_id: UUID) -> User:
    user = User.objects.not_deleted().select_for_update(no_key=True).filter(pk=user_id).first()
    if user is None:
        raise UserNotFoundError
    return user


def _locked_superusers() -> set[UUID]:
    """Lock the active superusers in one order, so that two cannot demote each other at once."""
    active = User.objects.filter(is_superuser=True, is_active=True).order_by("pk")
    return set(active.select_for_update(no_key=True).values_list("pk", flat=True))


def _require_another_superuser(user: User, superusers: set[UUID]) -> None:
    if superusers == {user.pk}:
        raise LastSuperuserError


def _apply(user: User, changes: dict[str, Any]) -> None:
    if "email" in changes:
        changes["email"] = normalize_email(changes["email"])
    for name, value in changes.items():
        setattr(user, name, value)


def _set_password(user: User, password: str) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        issues = [WeakPasswordError(message).at("body", "password") for message in error.messages]
        raise InvalidValuesError(issues) from None
    user.set_password(password)


def _save(user: User) -> None:
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError:
        if User.objects.with_email(user.email).exclude(pk=user.pk).exists():
            raise EmailTakenError from None
        raise


def _remove_traces(user: User) -> None:
    """Remove the copies of the address in the admin's history and the sign-in counter."""
    AccessAttempt.objects.filter(username=sign_in_name(user.email)).delete()
    content_type = ContentType.objects.get_for_model(User)
    LogEntry.objects.filter(content_type=content_type, object_id=str(user.pk)).update(
        object_repr=DELETED_NAME
    )


def _anonymize(user: User, *, now: datetime) -> None:
    user.email = f"deleted-{user.pk}@deleted.invalid"
    user.full_name = DELETED_NAME
    user.is_active = user.is_staff = user.is_superuser = False
    user.last_login = None
    user.deleted_at = now
    user.set_unusable_password()
    user.save()
    user.groups.clear()
    user.user_permissions.clear()
