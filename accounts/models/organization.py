from typing import Self
from uuid import UUID

from django.db import models

from accounts.models.user import User
from accounts.rules import MANAGING_ROLES
from sartiq.core.models import TimestampedModel


class Role(models.TextChoices):
    """Role of a member; lower case in the API."""

    OWNER = "OWNER", "Owner"
    ADMIN = "ADMIN", "Admin"
    MEMBER = "MEMBER", "Member"


class Organization(TimestampedModel):
    """An organization; it owns what its members create for it."""

    name = models.CharField(max_length=255)
    slug = models.SlugField(max_length=100, unique=True)
    members = models.ManyToManyField(
        User, through="Membership", related_name="organizations", editable=False
    )

    def __str__(self) -> str:
        return self.name

    @property
    def event_owner(self) -> tuple[None, UUID]:
        """The owner of events about this organization: the organization."""
        return None, self.pk


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Queries for memberships."""

    def managing(self) -> Self:
        """Filter members who may change members and export configurations."""
        return self.filter(role__in=MANAGING_ROLES)

    def owners(self) -> Self:
        """Filter the owners."""
        return self.filter(role=Role.OWNER)

    def active_owners(self) -> Self:
        """Filter the owners who can sign in."""
        return self.owners().filter(user__is_active=True)


class Membership(TimestampedModel):
    """One user's role in one organization."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.MEMBER)

    objects = MembershipQuerySet.as_manager()

    class Meta(TimestampedModel.Meta):
        constraints = [
            # Organization first: the member list of one organization reads this index.
            models.UniqueConstraint(
                fields=["organization", "user"], name="accounts_membership_once"
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=Role.values), name="accounts_membership_role_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.organization} ({self.get_role_display()})"
