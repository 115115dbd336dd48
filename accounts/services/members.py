"""Members of organizations; every change locks the organization's row."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts import selectors
from accounts.errors import (
    AlreadyMemberError,
    LastOwnerError,
    OrganizationNotFoundError,
    OwnerRoleReservedError,
    UnknownUserError,
)
from accounts.models import Membership, Organization, Role, User
from accounts.rules import may_appoint
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
    """Make an able user a member. Raises AlreadyMemberError, UnknownUserError."""
    with transaction.atomic():
        _require_may_appoint(_manager_role(actor, organization_id), role)
        user = _user_named(email=email, user_id=user_id)
        membership, created = Membership.objects.get_or_create(
            organization_id=organization_id, user=user, defaults={"role": role}
        )
        if not created:
            raise AlreadyMemberError
    return membership


def change_role(
    *,
    actor: User,
    organization_id: UUID,
    user_id: UUID,
    role: Role,
    precondition: Precondition = unconditional,
) -> Membership:
    """Give a member another role; the last owner keeps theirs."""
    with transaction.atomic():
        own = _manager_role(actor, organization_id)
        membership = selectors.member_of(organization_id, user_id)
        _require_may_appoint(own, membership.role, role)
        precondition(membership)
        if role != Role.OWNER:
            _require_owner_left(membership)
        membership.role = role
        membership.save()
    return membership


def remove(
    *,
    actor: User,
    organization_id: UUID,
    user_id: UUID,
    precondition: Precondition = unconditional,
) -> None:
    """End a membership: one's own, or another's as an owner or admin. The last owner stays.

    Raises MemberNotFoundError, also for a user who has left already, and LastOwnerError.
    """
    with transaction.atomic():
        if actor.pk == user_id:
            _lock(organization_id)
            membership = selectors.member_of(organization_id, user_id)
        else:
            own = _manager_role(actor, organization_id)
            membership = selectors.member_of(organization_id, user_id)
            _require_may_appoint(own, membership.role)
        precondition(membership)
        _require_owner_left(membership)
        membership.delete()


def require_owners_left(
    *, saved: Collection[Membership] = (), deleted: Collection[Membership] = ()
) -> None:
    """Refuse changes that together take an organization's last owner who can sign in.

    `saved` holds the memberships as they are about to be written. The organizations stay locked
    until the caller's transaction ends. Raises LastOwnerError.
    """
    changed = {each.pk for each in (*saved, *deleted)}
    before = Membership.objects.filter(pk__in=changed)
    with transaction.atomic():
        _lock_in_order(before.values("organization_id"))
        for organization_id in set(before.owners().values_list("organization_id", flat=True)):
            others = Membership.objects.filter(organization_id=organization_id).able_owners()
            appointed = (_is_able_owner(each, organization_id) for each in saved)
            if not any(appointed) and not others.exclude(pk__in=changed).exists():
                raise LastOwnerError


def delete_many(*, memberships: Collection[Membership]) -> None:
    """End several memberships, all or none. Raises LastOwnerError."""
    with transaction.atomic():
        require_owners_left(deleted=memberships)
        Membership.objects.filter(pk__in=[each.pk for each in memberships]).delete()


def lock_organizations_of(*, user_id: UUID) -> None:
    """Lock the user's organizations until the transaction ends."""
    memberships = Membership.objects.filter(user_id=user_id).values("organization_id")
    _lock_in_order(memberships)


def leave_all(*, user: User) -> None:
    """End every membership of a deleted user; refuse if an organization would lose its last owner.

    The caller holds the locks of `lock_organizations_of`.
    """
    for membership in Membership.objects.filter(user=user):
        others = Membership.objects.filter(organization_id=membership.organization_id)
        if others.exclude(pk=membership.pk).exists():
            _require_owner_left(membership)
    Membership.objects.filter(user=user).delete()


def _manager_role(actor: User, organization_id: UUID) -> Role:
    """Lock the organization, then read the caller's role: it cannot change before we write."""
    selectors.require_manager(actor, organization_id)
    if not _lock(organization_id):
        raise OrganizationNotFoundError if actor.is_superuser else NotPermittedError
    role = selectors.role_of(actor, organization_id)
    if role is None:
        raise NotPermittedError
    return role


def _lock(organization_id: UUID) -> bool:
    """Lock the organization until the transaction ends; False when there is none."""
    row = Organization.objects.select_for_update().filter(pk=organization_id)
    return row.first() is not None


def _lock_in_order(organization_ids: Any) -> None:
    """Lock organizations by id, so that no two requests wait for each other in a circle."""
    rows = Organization.objects.filter(pk__in=organization_ids).order_by("pk")
    list(rows.select_for_update().values_list("pk"))


def _is_able_owner(membership: Membership, organization_id: UUID) -> bool:
    return (
        membership.organization_id == organization_id
        and membership.role == Role.OWNER
        and membership.user.is_active
    )


def _require_may_appoint(own: Role, *roles: str) -> None:
    if own not in (Role.OWNER, Role.ADMIN):
        raise NotPermittedError
    if not all(may_appoint(own, role) for role in roles):
        raise OwnerRoleReservedError


def _require_owner_left(membership: Membership) -> None:
    if membership.role != Role.OWNER:
        return
    owners = Membership.objects.filter(organization_id=membership.organization_id).able_owners()
    if not owners.exclude(pk=membership.pk).exists():
        raise LastOwnerError


def _user_named(*, email: str | None, user_id: UUID | None) -> User:
    # Locked, so that a user who is being deleted cannot gain a membership.
    able = User.objects.not_deleted().filter(is_active=True).select_for_update(no_key=True)
    if user_id is not None:
        user, loc, value = able.filter(pk=user_id).first(), "user_id", str(user_id)
    else:
        user, loc, value = able.with_email(email or "").first(), "email", email or ""
    if user is None:
        raise UnknownUserError(loc=("body", loc), value=value)
    return user
