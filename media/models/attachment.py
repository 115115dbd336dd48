from collections.abc import Iterable
from typing import Self
from uuid import UUID

from django.db import models
from django.db.models import Q

from media.models.resource import MediaResource
from sartiq.core.models import TimestampedModel


class AttachmentQuerySet(models.QuerySet["Attachment"]):
    """Queries for attachments."""

    def for_entities(self, entity_type: str, entity_ids: Iterable[UUID]) -> Self:
        """Filter to the attachments of these entities, in slot order."""
        rows = self.filter(entity_type=entity_type, entity_id__in=list(entity_ids))
        return rows.order_by("entity_id", "slot", "position")

    def of_live_entities(self) -> Self:
        """Filter to the attachments of entities that are not deleted."""
        return self.filter(entity_deleted_at__isnull=True)


class Attachment(TimestampedModel):
    """One resource in one slot of one entity.

    `position` is null in a slot for a single file and 0..n-1 in a list slot.
    """

    resource = models.ForeignKey(
        MediaResource, on_delete=models.RESTRICT, related_name="attachments"
    )
    entity_type = models.CharField(max_length=32)
    entity_id = models.UUIDField()
    slot = models.CharField(max_length=32)
    position = models.PositiveSmallIntegerField(null=True, blank=True)
    # The entity's `deleted_at`, written in the same transaction: its model is in another app.
    entity_deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = AttachmentQuerySet.as_manager()

    class Meta(TimestampedModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["entity_type", "entity_id", "slot"],
                condition=Q(position__isnull=True),
                name="media_attachment_single_slot",
            ),
            models.UniqueConstraint(
                fields=["entity_type", "entity_id", "slot", "position"],
                deferrable=models.Deferrable.DEFERRED,
                name="media_attachment_list_slot",
            ),
        ]

    def __str__(self) -> str:
        index = "" if self.position is None else f"[{self.position}]"
        return f"{self.entity_type.lower()} {self.entity_id} {self.slot}{index}"
