from dataclasses import dataclass
from typing import Any, Literal, Self, TypeVar
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import F, Lookup, Q

from accounts.models.organization import Membership, Organization
from accounts.models.user import User
from sartiq.core.models import TimestampedModel

_OwnedT_co = TypeVar("_OwnedT_co", bound=models.Model, covariant=True)

ScopeKey = tuple[Literal["organization", "user"], UUID]


@dataclass(frozen=True)
class OwnerScope:
    """The owner of a row: an organization, or a user if there is none.

    In an organization's scope `user_id` is the acting user, stored as the creator of new rows.
    """

    user_id: UUID
    organization_id: UUID | None = None

    @property
    def key(self) -> ScopeKey:
        """Return a key that is equal for all users of the scope."""
        if self.organization_id is not None:
            return ("organization", self.organization_id)
        return ("user", self.user_id)


class EqualsAny(Lookup):
    """Whether a value is in an array; unlike `IN (SELECT …)` it can use an index within an OR."""

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """Return `value = ANY(array)`."""
        value, value_params = self.process_lhs(compiler, connection)
        array, array_params = self.process_rhs(compiler, connection)
        return f"{value} = ANY({array})", (*value_params, *array_params)


def owned_by_organizations_of(user: User) -> EqualsAny:
    """Return the condition that a row belongs to an organization this user is a member of."""
    organization_ids = (
        Membership.objects.filter(user_id=user.pk).order_by().values("organization_id")
    )
    return EqualsAny(F("organization_id"), ArraySubquery(organization_ids))


class OwnedQuerySet(models.QuerySet[_OwnedT_co]):
    """Queries for owned rows."""

    def in_scope(self, scope: OwnerScope) -> Self:
        """Filter the rows of one scope; personal rows never mix with an organization's."""
        if scope.organization_id is not None:
            return self.filter(organization_id=scope.organization_id)
        return self.filter(user_id=scope.user_id, organization__isnull=True)

    def linkable_by(self, user: User, scope: OwnerScope) -> Self:
        """Filter the rows this user may link to a row of the scope: those of the same owner."""
        return self.in_scope(scope)

    def visible_to(self, user: User) -> Self:
        """Filter the rows this user may see: their own and those of their organizations."""
        if user.is_superuser:
            return self.all()
        personal = Q(user_id=user.pk, organization__isnull=True)
        return self.filter(personal | owned_by_organizations_of(user))


def indexes_by_owner(name: str) -> list[models.Index]:
    """Return the indexes for listing one owner's rows, oldest first.

    The index by user only has personal rows: no query looks up rows of organizations by user.
    """
    return [
        models.Index(fields=["organization", "created_at", "id"], name=f"{name}_of_org"),
        models.Index(
            fields=["user", "created_at", "id"],
            condition=Q(organization__isnull=True),
            name=f"{name}_of_user",
        ),
    ]


class OwnedModel(TimestampedModel):
    """A row that belongs to an organization, or to the user who created it."""

    # `indexes_by_owner` and unique constraints serve all queries by owner: an index of either
    # column alone would only slow down inserts.
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )

    objects = OwnedQuerySet.as_manager()

    class Meta(TimestampedModel.Meta):
        abstract = True

    @property
    def scope(self) -> OwnerScope:
        """Return the owner of this row."""
        return OwnerScope(user_id=self.user_id, organization_id=self.organization_id)
