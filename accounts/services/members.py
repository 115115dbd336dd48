"""Members of organizations; every change locks the organization's row."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts import selectors
from accounts.actions import AccountAction
from accounts.errors import (
    AlreadyMemberError,
    LastOwnerError,
    OrganizationNotFoundError,
    OwnerRoleReservedError,
    UnknownUserError,
)
from accounts.models import Membership, Organization, Role, User
from accounts.rules import MANAGING_ROLES, may_assign_role
from sartiq.core import events
from sartiq.core.errors import NotPermittedError
from sartiq.core.preconditions import Precondition, unconditional


def add(
    *,
    actor: User,
    organization_id: UUID,
    role: Role,
    email: str | None = None,
    user_id: UUID | None = None,
) -> Membership:
    """Make an active user a member. Raises AlreadyMemberError, UnknownUserError."""
    with transaction.atomic():
        _require_may_assign(_lock_and_require_manager(actor, organization_id), role)
        user = _active_user(email=email, user_id=user_id)
        membership, created = Membership.objects.get_or_create(
            organization_id=organization_id, user=user, defaults={"role": role}
        )
        if not created:
            raise AlreadyMemberError
        events.record(AccountAction.MEMBER_ADDED, membership, role=role)
    return membership


def change_role(
    *,
    actor: User,
    organization_id: UUID,
    user_id: UUID,
    role: Role,
    precondition: Precondition = unconditional,
) -> Membership:
    """Change a member's role. Raises LastOwnerError for the last owner."""
    with transaction.atomic():
        actor_role = _lock_and_require_manager(actor, organization_id)
        membership = selectors.member_of(organization_id, user_id)
        _require_may_assign(actor_role, membership.role, role)
        precondition(membership)
        if role != Role.OWNER:
            _require_another_owner(membership)
        membership.role = role
        membership.save()
        events.record(AccountAction.MEMBER_ROLE_CHANGED, membership, role=role)
    return membership


def remove(
    *,
    actor: User,
    organization_id: UUID,
    user_id: UUID,
    precondition: Precondition = unconditional,
) -> None:
    """Remove a member: the actor, or another user if the actor is an owner or admin.

    Raises LastOwnerError for the last owner, MemberNotFoundError if the user is not, or no longer,
    a member.
    """
    with transaction.atomic():
        if actor.pk == user_id:
            _lock(organization_id)
            membership = selectors.member_of(organization_id, user_id)
        else:
            actor_role = _lock_and_require_manager(actor, organization_id)
            membership = selectors.member_of(organization_id, user_id)
            _require_may_assign(actor_role, membership.role)
        precondition(membership)
        _require_another_owner(membership)
        events.record(AccountAction.MEMBER_REMOVED, membership)
        membership.delete()


def require_remaining_owners(
    *, saved: Collection[Membership] = (), deleted: Collection[Membership] = ()
) -> None:
    """Raise LastOwnerError if the changes would remove an organization's last active owner.

    `saved` holds the memberships with their new values. The organizations stay locked until the
    caller's transaction ends.
    """
    changed = {membership.pk for membership in (*saved, *deleted)}
    before = Membership.objects.filter(pk__in=changed)
    with transaction.atomic():
        _lock_in_order(before.values("organization_id"))
        for organization_id in set(before.owners().values_list("organization_id", flat=True)):
            others = Membership.objects.filter(organization_id=organization_id).active_owners()
            new_owners = (_is_active_owner(membership, organization_id) for membership in saved)
            if not any(new_owners) and not others.exclude(pk__in=changed).exists():
                raise LastOwnerError


def delete_many(*, memberships: Collection[Membership]) -> None:
    """Delete several memberships, all or none. Raises LastOwnerError."""
    with transaction.atomic():
        require_remaining_owners(deleted=memberships)
        events.record_each(AccountAction.MEMBER_REMOVED, memberships)
        Membership.objects.filter(pk__in=[membership.pk for membership in memberships]).delete()


def lock_organizations_of(*, user_id: UUID) -> None:
    """Lock the user's organizations until the transaction ends."""
    memberships = Membership.objects.filter(user_id=user_id).values("organization_id")
    _lock_in_order(memberships)


def leave_all(*, user: User) -> None:
    """Delete all memberships of a user.

    Raises LastOwnerError if they are the last owner of an organization with other members. The
    caller holds the locks of `lock_organizations_of`.
    """
    memberships = list(Membership.objects.filter(user=user))
    for membership in memberships:
        others = Membership.objects.filter(organization_id=membership.organization_id)
        # An organization without members needs no owner.
        if others.exclude(pk=membership.pk).exists():
            _require_another_owner(membership)
    events.record_each(AccountAction.MEMBER_REMOVED, memberships)
    Membership.objects.filter(user=user).delete()


def _lock_and_require_manager(actor: User, organization_id: UUID) -> Role:
    """Lock the organization; return the role of the caller, who may manage its members."""
    selectors.require_manager(actor, organization_id)
    if not _lock(organization_id):
        # It was deleted since the check. To others than superusers, a missing organization always
        # looks like a lack of permission.
        raise OrganizationNotFoundError if actor.is_superuser else NotPermittedError
    role = selectors.role_of(actor, organization_id)
    if role is None:
        raise NotPermittedError
    return role


def _lock(organization_id: UUID) -> bool:
    """Lock the organization until the transaction ends; return False if there is none."""
    row = Organization.objects.select_for_update().filter(pk=organization_id)
    return row.first() is not None


def _lock_in_order(organization_ids: Any) -> None:
    """Lock organizations in the order of their ids, to avoid deadlocks."""
    rows = Organization.objects.filter(pk__in=organization_ids).order_by("pk")
    list(rows.select_for_update().values_list("pk"))


def _is_active_owner(membership: Membership, organization_id: UUID) -> bool:
    return (
        membership.organization_id == organization_id
        and membership.role == Role.OWNER
        and membership.user.is_active
    )


def _require_may_assign(actor_role: Role, *roles: str) -> None:
    if actor_role not in MANAGING_ROLES:
        raise NotPermittedError
    if not all(may_assign_role(actor_role, role) for role in roles):
        raise OwnerRoleReservedError


def _require_another_owner(membership: Membership) -> None:
    if membership.role != Role.OWNER:
        return
    owners = Membership.objects.filter(organization_id=membership.organization_id).active_owners()
    if not owners.exclude(pk=membership.pk).exists():
        raise LastOwnerError


def _active_user(*, email: str | None, user_id: UUID | None) -> User:
    # Locked, so that a user who is being deleted cannot gain a membership.
    active = User.objects.not_deleted().filter(is_active=True).select_for_update(no_key=True)
    if user_id is not None:
        user, loc, value = active.filter(pk=user_id).first(), "user_id", str(user_id)
    else:
        user, loc, value = active.with_email(email or "").first(), "email", email or ""
    if user is None:
        raise UnknownUserError(loc=("body", loc), value=value)
    return user
