from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from exports.models.run import ExportRun
from exports.models.statuses import UNFINISHED, ItemStatus
from sartiq.core.models import LeasedModel, TimestampedModel, due_and_unleased


class ExportItemQuerySet(models.QuerySet["ExportItem"]):
    """Queries for the files of exports."""

    def unfinished(self) -> Self:
        """Filter unfinished files."""
        return self.filter(status=ItemStatus.WAITING)

    def due(self) -> Self:
        """Filter unfinished files that a worker may take now, or has taken."""
        return self.unfinished().filter(Q(run_after__isnull=True) | Q(run_after__lte=Now()))

    def not_enqueued(self) -> Self:
        """Filter files not yet enqueued."""
        return self.unfinished().filter(sent_at__isnull=True)

    def waiting(self, *, sent_before: datetime) -> Self:
        """Filter unfinished files that no worker holds and that were enqueued before a moment."""
        enqueued = self.unfinished().filter(run__status__in=UNFINISHED, sent_at__lt=sent_before)
        return enqueued.filter(due_and_unleased())

    def done(self) -> Self:
        """Filter files ready for the archive."""
        return self.filter(status=ItemStatus.DONE)

    def failed(self) -> Self:
        """Filter files that cannot be exported."""
        return self.filter(status=ItemStatus.FAILED)


class ExportItem(TimestampedModel, LeasedModel):
    """One file of an export: its name and values are fixed, its bytes are produced under a lease.

    `resource_id` is not a foreign key: an export does not prevent the deletion of a file. `waits`
    counts how often the resource was found to be still PENDING. The result fields describe the
    object under `result_key`.
    """

    run = models.ForeignKey(ExportRun, on_delete=models.CASCADE, related_name="items")
    position = models.PositiveIntegerField()
    resource_id = models.UUIDField()
    name = models.CharField(max_length=255)
    values = models.JSONField(default=dict, blank=True)
    status = models.CharField(max_length=8, choices=ItemStatus.choices, default=ItemStatus.WAITING)
    failure_code = models.CharField(max_length=64, blank=True)
    failure_message = models.TextField(blank=True)
    waits = models.PositiveSmallIntegerField(default=0)
    result_key = models.CharField(max_length=255, blank=True)
    result_size = models.PositiveBigIntegerField(null=True, blank=True)
    result_sha256 = models.CharField("SHA-256", max_length=64, blank=True)
    result_crc32 = models.PositiveBigIntegerField("CRC-32", null=True, blank=True)
    result_type = models.CharField("content type", max_length=100, blank=True)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar = ExportItemQuerySet.as_manager()

    class Meta(TimestampedModel.Meta):
        verbose_name = "exported file"
        ordering = ["run", "position"]
        constraints = [
            models.UniqueConstraint(fields=["run", "position"], name="export_item_once_per_run"),
            models.CheckConstraint(
                condition=Q(status__in=ItemStatus.values), name="export_item_status_known"
            ),
            models.CheckConstraint(
                condition=~Q(status=ItemStatus.DONE)
                | Q(result_key__gt="", result_sha256__gt="", result_size__isnull=False),
                name="export_item_done_has_bytes",
            ),
            models.CheckConstraint(
                condition=Q(status=ItemStatus.FAILED, failure_code__gt="")
                | (~Q(status=ItemStatus.FAILED) & Q(failure_code="")),
                name="export_item_failure_has_code",
            ),
        ]
        indexes = [
            models.Index(
                fields=["run", "position"],
                condition=Q(status=ItemStatus.WAITING),
                name="export_item_waiting",
            ),
        ]

    def __str__(self) -> str:
        return self.name
