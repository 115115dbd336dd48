"""Queries for users, organizations and permissions."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import QuerySet

from accounts.errors import (
    MemberNotFoundError,
    OrganizationNotFoundError,
    UserNotFoundError,
)
from accounts.models import (
    Membership,
    MembershipQuerySet,
    Organization,
    OwnerScope,
    Role,
    User,
)
from sartiq.core.errors import NotPermittedError


def scope_for(user: User, organization_id: UUID | None = None) -> OwnerScope:
    """Return the scope of a request: the given organization, otherwise the caller's personal one.

    Takes one query with an organization and none without. For an organization that the caller does
    not belong to, or that does not exist, raises NotPermittedError; for superusers, NotFoundError.
    """
    if organization_id is not None:
        _require_member(user, organization_id)
    return OwnerScope(user_id=user.pk, organization_id=organization_id)


def scopes_for(
    user: User, organization_ids: Collection[UUID | None]
) -> dict[UUID | None, OwnerScope]:
    """Return the scopes of those organizations that the caller may act in, and the personal one.

    The key of the personal one is None. Takes at most one query.
    """
    ids = {pk for pk in organization_ids if pk is not None}
    allowed_ids: set[UUID | None] = {None}
    if ids and user.is_superuser:
        allowed_ids |= set(Organization.objects.filter(pk__among=ids).values_list("pk", flat=True))
    elif ids:
        allowed_ids |= set(organization_ids_of(user).filter(organization_id__in=ids))
    return {pk: OwnerScope(user_id=user.pk, organization_id=pk) for pk in allowed_ids}


def may_write(user: User, scope: OwnerScope) -> bool:
    """Return whether the caller may create, change and delete in the scope."""
    if user.is_superuser:
        return True
    if scope.organization_id is None:
        return bool(scope.user_id == user.pk)
    return _memberships(user, scope.organization_id).exists()


def may_manage(user: User, organization_id: UUID) -> bool:
    """Return whether the caller may change the organization, its members and configurations."""
    return user.is_superuser or _memberships(user, organization_id).managing().exists()


def require_superuser(user: User) -> None:
    """Raise NotPermittedError unless the user is a superuser."""
    if not user.is_superuser:
        raise NotPermittedError


def require_manager(user: User, organization_id: UUID) -> None:
    """Raise NotPermittedError unless the user is an owner or admin there, or a superuser."""
    if user.is_superuser:
        _require_organization(organization_id)
    elif not may_manage(user, organization_id):
        raise NotPermittedError


def organization_ids_of(user: User) -> QuerySet[Membership, UUID]:
    """Return the ids of the organizations the user is a member of; usable as a subquery."""
    return Membership.objects.filter(user_id=user.pk).values_list("organization_id", flat=True)


def role_of(user: User, organization_id: UUID) -> Role | None:
    """Return the caller's role; a superuser acts as an owner everywhere."""
    if user.is_superuser:
        return Role.OWNER
    match = _memberships(user, organization_id).values_list("role", flat=True).first()
    return Role(match) if match else None


def users() -> QuerySet[User]:
    """Return all users except deleted ones, oldest first."""
    return User.objects.not_deleted().order_by("created_at", "id")


def user_by_id(user_id: UUID) -> User:
    """Return one user."""
    match: User | None = User.objects.not_deleted().filter(pk=user_id).first()
    if match is None:
        raise UserNotFoundError
    return match


def organizations_visible_to(user: User) -> QuerySet[Organization]:
    """Return the caller's organizations, or all for a superuser, oldest first."""
    rows = Organization.objects.order_by("created_at", "id")
    return rows if user.is_superuser else rows.filter(pk__in=organization_ids_of(user))


def get_visible_organization(user: User, organization_id: UUID) -> Organization:
    """Return an organization the caller may see, otherwise raise NotPermittedError."""
    match = organizations_visible_to(user).filter(pk=organization_id).first()
    if match is not None:
        return match
    raise OrganizationNotFoundError if user.is_superuser else NotPermittedError


def members_of(organization_id: UUID) -> QuerySet[Membership]:
    """Return the memberships with their users, oldest first."""
    rows = Membership.objects.filter(organization_id=organization_id).select_related("user")
    return rows.order_by("created_at", "id")


def member_of(organization_id: UUID, user_id: UUID) -> Membership:
    """Return one user's membership."""
    match = members_of(organization_id).filter(user_id=user_id).first()
    if match is None:
        raise MemberNotFoundError
    return match


def _memberships(user: User, organization_id: UUID) -> MembershipQuerySet:
    return Membership.objects.filter(user_id=user.pk, organization_id=organization_id)


def _require_member(user: User, organization_id: UUID) -> None:
    if user.is_superuser:
        _require_organization(organization_id)
    elif not _memberships(user, organization_id).exists():
        raise NotPermittedError


def _require_organization(organization_id: UUID) -> None:
    if not Organization.objects.filter(pk=organization_id).exists():
        raise OrganizationNotFoundError
