from accounts.models.organization import Membership, MembershipQuerySet, Organization, Role
from accounts.models.ownership import OwnedModel, OwnedQuerySet, OwnerScope, indexes_by_owner
from accounts.models.trash import (
    TrashModel,
    TrashQuerySet,
    indexes_of_trash,
    live_manager,
    live_or_none,
)
from accounts.models.user import User, UserManager, UserQuerySet

__all__ = [
    "Membership",
    "MembershipQuerySet",
    "Organization",
    "OwnedModel",
    "OwnedQuerySet",
    "OwnerScope",
    "Role",
    "TrashModel",
    "TrashQuerySet",
    "User",
    "UserManager",
    "UserQuerySet",
    "indexes_by_owner",
    "indexes_of_trash",
    "live_manager",
    "live_or_none",
]
