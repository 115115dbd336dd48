from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import OwnedModel, OwnedQuerySet, indexes_by_owner
from exports.models.configuration import ImageFormat
from exports.models.statuses import DOWNLOADABLE, UNFINISHED, ItemStatus, RunStatus
from exports.rules.templates import MAX_TEMPLATE_LENGTH
from sartiq.core.models import LeasedModel, due_and_unleased, not_enqueued_since


class ExportRunQuerySet(OwnedQuerySet["ExportRun"]):
    """Queries for exports."""

    def unfinished(self) -> Self:
        """Filter unfinished runs."""
        return self.filter(status__in=UNFINISHED)

    def converted(self) -> Self:
        """Filter unfinished runs whose files are all finished; only the archive is missing."""
        return self.unfinished().exclude(items__status=ItemStatus.WAITING)

    def waiting(self, *, sent_before: datetime) -> Self:
        """Filter runs ready to be packed that no worker holds and that were not enqueued lately."""
        return self.converted().filter(due_and_unleased()).filter(not_enqueued_since(sent_before))

    def without_archive(self) -> Self:
        """Filter finished runs whose archive has expired or was never made."""
        return self.filter(status__in=[RunStatus.EXPIRED, RunStatus.FAILED])

    def expired(self) -> Self:
        """Filter runs whose archive has reached its retention time, by the database's clock."""
        return self.filter(status__in=DOWNLOADABLE, expires_at__lt=Now())


class ExportRun(OwnedModel, LeasedModel):
    """One requested archive, with the configuration as it was at that time.

    `configuration_id` is null for the system default. The run uses this copy, not the stored
    configuration. Its lease is for building the archive.
    """

    status = models.CharField(max_length=32, choices=RunStatus.choices, default=RunStatus.QUEUED)
    title = models.CharField(max_length=255)
    configuration_id = models.UUIDField(null=True, blank=True)
    configuration_name = models.CharField(max_length=255)
    metadata_adapter = models.CharField(max_length=32)
    image_format = models.CharField(max_length=16, choices=ImageFormat.choices)
    template = models.CharField(max_length=MAX_TEMPLATE_LENGTH)
    total = models.PositiveIntegerField()
    archive_key = models.CharField(max_length=255, blank=True)
    archive_size = models.PositiveBigIntegerField(null=True, blank=True)
    archive_sha256 = models.CharField("archive SHA-256", max_length=64, blank=True)
    failure_code = models.CharField(max_length=64, blank=True)
    failure_message = models.TextField(blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar = ExportRunQuerySet.as_manager()

    class Meta(OwnedModel.Meta):
        verbose_name = "export"
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=RunStatus.values), name="export_run_status_known"
            ),
            models.CheckConstraint(
                condition=Q(image_format__in=ImageFormat.values), name="export_run_format_known"
            ),
            models.CheckConstraint(
                condition=Q(status__in=UNFINISHED, finished_at__isnull=True)
                | (~Q(status__in=UNFINISHED) & Q(finished_at__isnull=False)),
                name="export_run_ends_once",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=DOWNLOADABLE)
                | (Q(archive_key__gt="", archive_size__isnull=False, expires_at__isnull=False)),
                name="export_run_has_its_archive",
            ),
        ]
        indexes = [
            *indexes_by_owner("export_run"),
            models.Index(
                fields=["created_at"],
                condition=Q(status__in=UNFINISHED),
                name="export_run_unfinished",
            ),
            models.Index(
                fields=["finished_at"],
                condition=Q(status__in=[RunStatus.EXPIRED, RunStatus.FAILED]),
                name="export_run_old",
            ),
            models.Index(
                fields=["expires_at"],
                condition=Q(status__in=DOWNLOADABLE),
                name="export_run_expires",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_finished(self) -> bool:
        """Return whether it has finished."""
        return self.status not in UNFINISHED
