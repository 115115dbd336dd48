"""The actions of events about users, organizations and their members."""

from django.db.models import TextChoices

from sartiq.core import events


@events.register
class AccountAction(TextChoices):
    """What happens to users, organizations, memberships and groups."""

    USER_CREATED = "user.created", "User created"
    USER_UPDATED = "user.updated", "User updated"
    USER_ACTIVATED = "user.activated", "User activated"
    USER_DEACTIVATED = "user.deactivated", "User deactivated"
    USER_PASSWORD_CHANGED = "user.password_changed", "User's password changed"
    USER_DELETED = "user.deleted", "User deleted and anonymized"
    ORGANIZATION_CREATED = "organization.created", "Organization created"
    ORGANIZATION_UPDATED = "organization.updated", "Organization updated"
    ORGANIZATION_DELETED = "organization.deleted", "Organization deleted"
    MEMBER_ADDED = "member.added", "Member added"
    MEMBER_ROLE_CHANGED = "member.role_changed", "Member's role changed"
    MEMBER_REMOVED = "member.removed", "Member removed"
    GROUP_CREATED = "group.created", "Group created"
    GROUP_UPDATED = "group.updated", "Group updated"
    GROUP_DELETED = "group.deleted", "Group deleted"
