from accounts.models.organization import Membership, MembershipQuerySet, Organization, Role
from accounts.models.ownership import OwnedModel, OwnedQuerySet, OwnerScope, indexes_by_owner
from accounts.models.user import User, UserManager, UserQuerySet

__all__ = [
    "Membership",
    "MembershipQuerySet",
    "Organization",
    "OwnedModel",
    "OwnedQuerySet",
    "OwnerScope",
    "Role",
    "User",
    "UserManager",
    "UserQuerySet",
    "indexes_by_owner",
]
