from typing import Self

from django.db import models
from django.db.models import Q

from sartiq.core.models import LeasedModel, TimestampedModel, due_and_unleased


class Bucket(models.TextChoices):
    """The bucket an object is stored in."""

    PUBLIC = "PUBLIC", "Public"
    PRIVATE = "PRIVATE", "Private"


class DeletionReason(models.TextChoices):
    """Why an object is to be deleted."""

    RELOCATED = "RELOCATED", "Moved to its canonical key"
    DEDUPLICATED = "DEDUPLICATED", "The same bytes were already stored"
    REFUSED = "REFUSED", "Refused at ingest"
    REJECTED = "REJECTED", "The copy failed verification"
    EXPIRED = "EXPIRED", "Never used by a resource"
    ORPHANED = "ORPHANED", "No longer attached to anything"
    REPLACED = "REPLACED", "Replaced or removed by staff"
    UNKNOWN = "UNKNOWN", "No row names it; approved by staff"


class ObjectDeletionQuerySet(models.QuerySet["ObjectDeletion"]):
    """Queries for queued deletions."""

    def alive(self) -> Self:
        """Filter to deletions that have not been given up."""
        return self.filter(dead=False)

    def given_up(self) -> Self:
        """Filter to deletions that failed too often."""
        return self.filter(dead=True)

    def due(self) -> Self:
        """Filter to deletions that can run now and that no worker holds."""
        return self.alive().filter(due_and_unleased())


class ObjectDeletion(TimestampedModel, LeasedModel):
    """One object to delete after commit, with retries. After the last one it is given up (`dead`).

    The object must not be deleted before `run_after`, nor when it has another ETag than `etag`,
    if that is set.
    """

    bucket = models.CharField(max_length=8, choices=Bucket.choices, default=Bucket.PUBLIC)
    key = models.CharField(max_length=1024)
    etag = models.CharField(max_length=128, blank=True, default="", db_default="")
    reason = models.CharField(max_length=16, choices=DeletionReason.choices)
    last_error = models.CharField(max_length=255, blank=True)
    last_attempted_at = models.DateTimeField(null=True, blank=True)
    dead = models.BooleanField(default=False)

    objects = ObjectDeletionQuerySet.as_manager()

    class Meta(TimestampedModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["bucket", "key"],
                condition=Q(dead=False),
                name="media_deletion_once_per_object",
            ),
        ]
        indexes = [
            models.Index(fields=["run_after"], condition=Q(dead=False), name="media_deletion_due"),
            models.Index(fields=["key"], name="media_deletion_key"),
            models.Index(fields=["id"], condition=Q(dead=True), name="media_deletion_given_up"),
        ]

    def __str__(self) -> str:
        return self.key
