"""Owned rows that stay in the trash after they are deleted.

How long is `TRASH_DAYS` (sartiq/settings/environment.py).
"""

from datetime import datetime
from typing import Any, ClassVar, Self, TypeVar

from django.db import models
from django.db.models import Q

from accounts.models.ownership import OwnedModel, OwnedQuerySet

_TrashT_co = TypeVar("_TrashT_co", bound=models.Model, covariant=True)


class TrashQuerySet(OwnedQuerySet[_TrashT_co]):
    """Queries for rows that may be deleted."""

    def live(self) -> Self:
        """Filter to rows that are not deleted."""
        return self.filter(deleted_at__isnull=True)

    def in_trash(self, *, before: datetime | None = None) -> Self:
        """Filter to deleted rows, optionally to those deleted before a moment."""
        rows = self.filter(deleted_at__isnull=False)
        return rows if before is None else rows.filter(deleted_at__lt=before)


class LiveManager(models.Manager[Any]):
    """A manager of the rows that are not deleted."""

    def get_queryset(self) -> Any:
        """Return the live rows."""
        rows: Any = super().get_queryset()
        return rows.live()


def live_manager(queryset: type[TrashQuerySet[Any]]) -> Any:
    """Return a manager of live rows with the words of a queryset."""
    return LiveManager.from_queryset(queryset)()


class TrashModel(OwnedModel):
    """An owned row that can be restored after its deletion, until it is purged.

    `objects` has live rows only, as do many-to-many links; a foreign key to a deleted row still
    returns it, so read it through `live_or_none`.
    """

    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects: ClassVar = live_manager(TrashQuerySet)  # type: ignore[django-manager-missing,unused-ignore]  # plugin
    with_deleted: ClassVar = TrashQuerySet.as_manager()

    class Meta(OwnedModel.Meta):
        abstract = True


Row = TypeVar("Row", bound=TrashModel)


def live_or_none(row: Row | None) -> Row | None:
    """Return the row of a reference, or None if it is deleted."""
    return None if row is None or row.deleted_at is not None else row


def indexes_of_trash(name: str) -> list[models.Index]:
    """Return the indexes for lists of live and of deleted rows by owner, and for the purge.

    The indexes by user only have personal rows: no query looks up rows of organizations by user.
    """
    live, deleted = Q(deleted_at__isnull=True), Q(deleted_at__isnull=False)
    personal = Q(organization__isnull=True)
    by_organization = ["organization", "created_at", "id"]
    by_user = ["user", "created_at", "id"]
    return [
        models.Index(fields=by_organization, condition=live, name=f"{name}_live_of_org"),
        models.Index(fields=by_user, condition=personal & live, name=f"{name}_live_of_user"),
        models.Index(fields=by_organization, condition=deleted, name=f"{name}_trash_org"),
        models.Index(fields=by_user, condition=personal & deleted, name=f"{name}_trash_user"),
        models.Index(fields=["deleted_at"], condition=deleted, name=f"{name}_trash_age"),
    ]
