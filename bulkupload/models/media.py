from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import Exists, Func, OuterRef, Q

from accounts.models import OwnedModel, OwnedQuerySet
from bulkupload.models.chunk import BulkUploadChunk
from bulkupload.models.job import BulkUploadJob, JobStatus
from media.models import Upload
from sartiq.core.models import LeasedModel, TimestampedModel, due_and_unleased, not_enqueued_since


class BatchStatus(models.TextChoices):
    """Whether the images of a batch were attached to their products."""

    WAITING = "WAITING", "Waiting"
    DONE = "DONE", "Done"


class MediaStatus(models.TextChoices):
    """PENDING, ATTACHED, then READY or FAILED; REPLACED if a later row sets the slot.

    In the database ATTACHED is the older name SHOWN.
    """

    PENDING = "PENDING", "Pending"
    ATTACHED = "SHOWN", "Attached"
    READY = "READY", "Ready"
    FAILED = "FAILED", "Failed"
    REPLACED = "REPLACED", "Replaced"


class RemoteStatus(models.TextChoices):
    """The states of a remote image."""

    WAITING = "WAITING", "Waiting"
    FETCHED = "FETCHED", "Fetched"
    FAILED = "FAILED", "Failed"


class RemoteImageQuerySet(OwnedQuerySet["RemoteImage"]):
    """Queries for remote images."""

    def unfinished(self) -> Self:
        """Keep those still to be fetched."""
        return self.filter(status=RemoteStatus.WAITING)

    def unused(self, *, before: datetime) -> Self:
        """Keep those last changed before a moment that no unfinished batch needs, oldest first."""
        batches = BulkUploadMediaBatch.objects.unfinished().filter(remotes=OuterRef("pk"))
        rows = self.filter(updated_at__lt=before).exclude(Exists(batches))
        return rows.order_by("updated_at")

    def waiting(self, *, sent_before: datetime) -> Self:
        """Keep those of running jobs that no worker holds and that were not enqueued recently."""
        batches = BulkUploadMediaBatch.objects.unfinished().filter(job__status=JobStatus.RUNNING)
        running = self.unfinished().filter(batches__in=batches).distinct()
        return running.filter(due_and_unleased()).filter(not_enqueued_since(sent_before))


class RemoteImage(OwnedModel, LeasedModel):
    """A remote image of one owner: fetched once; later uses get the same file.

    `url_hash` is the SHA-256 of the URL in hex.
    """

    url = models.TextField()
    url_hash = models.CharField(max_length=64)
    status = models.CharField(
        max_length=8, choices=RemoteStatus.choices, default=RemoteStatus.WAITING
    )
    upload = models.ForeignKey(
        Upload, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    failure_code = models.CharField(max_length=64, blank=True)
    failure_message = models.TextField(blank=True)

    objects: ClassVar = RemoteImageQuerySet.as_manager()

    class Meta(OwnedModel.Meta):
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=RemoteStatus.values), name="bulk_remote_status_known"
            ),
            models.UniqueConstraint(
                fields=["organization", "url_hash"],
                condition=Q(organization__isnull=False),
                name="bulk_remote_once_per_organization",
            ),
            models.UniqueConstraint(
                fields=["user", "url_hash"],
                condition=Q(organization__isnull=True),
                name="bulk_remote_once_per_user",
            ),
        ]
        indexes = [models.Index(fields=["updated_at"], name="bulk_remote_updated")]

    def __str__(self) -> str:
        return self.url


class BulkUploadMediaBatchQuerySet(models.QuerySet["BulkUploadMediaBatch"]):
    """Queries for batches of images."""

    def unfinished(self) -> Self:
        """Keep those whose images are not attached yet."""
        return self.filter(status=BatchStatus.WAITING)

    def without_outcome(self) -> Self:
        """Keep those with an image that is still pending."""
        return self.filter(Q(status=BatchStatus.WAITING) | Q(pending__gt=0))

    def waiting(self, *, sent_before: datetime) -> Self:
        """Keep those with all images fetched that no worker holds and not enqueued recently."""
        running = self.unfinished().filter(job__status=JobStatus.RUNNING)
        fetched = running.exclude(remotes__status=RemoteStatus.WAITING)
        return fetched.filter(due_and_unleased()).filter(not_enqueued_since(sent_before))


class BulkUploadMediaBatch(TimestampedModel, LeasedModel):
    """Images of some products of one chunk, attached together; it counts images, not rows."""

    job = models.ForeignKey(BulkUploadJob, on_delete=models.CASCADE, related_name="batches")
    chunk = models.ForeignKey(BulkUploadChunk, on_delete=models.CASCADE, related_name="batches")
    status = models.CharField(
        max_length=8, choices=BatchStatus.choices, default=BatchStatus.WAITING
    )
    remotes = models.ManyToManyField(RemoteImage, related_name="batches", blank=True)
    pending = models.PositiveIntegerField(default=0)
    ready = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)

    objects: ClassVar = BulkUploadMediaBatchQuerySet.as_manager()

    class Meta(TimestampedModel.Meta):
        verbose_name = "bulk upload image batch"
        verbose_name_plural = "bulk upload image batches"
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=BatchStatus.values), name="bulk_batch_status_known"
            ),
        ]
        indexes = [
            models.Index(
                fields=["created_at"],
                condition=Q(status=BatchStatus.WAITING),
                name="bulk_batch_waiting",
            ),
            models.Index(
                fields=["job"],
                condition=Q(status=BatchStatus.WAITING) | Q(pending__gt=0),
                name="bulk_batch_unsettled",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pending + self.ready + self.failed} images"


class _PendingResources(Func):
    """How many of the listed resources are PENDING, a repeated one each time.

    PostgreSQL assumes a hundred resources in a list and would scan all resources to join them with
    the list. A subquery for each one is found by its primary key whatever the planner assumes.
    """

    template = """(
        SELECT count(*) FILTER (WHERE (
            SELECT resource.status = 'PENDING' AND resource.deleted_at IS NULL
            FROM media_mediaresource AS resource WHERE resource.id = image.id::uuid
        ))
        FROM jsonb_array_elements_text(%(expressions)s) AS image (id)
    )"""
    output_field = models.IntegerField()


class BulkUploadMediaQuerySet(models.QuerySet["BulkUploadMedia"]):
    """Queries for the images of rows."""

    def with_unsaved_outcome(self) -> Self:
        """Keep attached ones of which another number is pending than was saved."""
        attached = self.filter(status=MediaStatus.ATTACHED)
        return attached.exclude(pending=_PendingResources("resources"))


class BulkUploadMedia(TimestampedModel):
    """The images that one row of a table assigns to one slot of a product.

    `urls` are in order; `resources` are the ids of the attached resources, null where an image was
    refused. The product has no foreign key: it may be deleted, and then nothing is attached.
    """

    job = models.ForeignKey(BulkUploadJob, on_delete=models.CASCADE, related_name="media")
    batch = models.ForeignKey(BulkUploadMediaBatch, on_delete=models.CASCADE, related_name="media")
    product_id = models.UUIDField()
    slot = models.CharField(max_length=32)
    row = models.PositiveIntegerField()
    line = models.PositiveIntegerField()
    column = models.TextField()
    cells = models.TextField(blank=True)
    urls = models.JSONField(default=list, blank=True)
    resources = models.JSONField(default=list, blank=True)
    status = models.CharField(
        max_length=8, choices=MediaStatus.choices, default=MediaStatus.PENDING
    )
    pending = models.PositiveIntegerField(default=0)
    ready = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)

    objects: ClassVar = BulkUploadMediaQuerySet.as_manager()

    class Meta(TimestampedModel.Meta):
        verbose_name = "bulk upload image"
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=MediaStatus.values), name="bulk_media_status_known"
            ),
            models.CheckConstraint(
                condition=Q(status__in=[MediaStatus.PENDING, MediaStatus.ATTACHED]) | Q(pending=0),
                name="bulk_media_ends_settled",
            ),
            models.CheckConstraint(
                condition=~Q(status=MediaStatus.REPLACED) | Q(ready=0, failed=0),
                name="bulk_media_replaced_counts_nothing",
            ),
        ]
        indexes = [
            models.Index(
                fields=["product_id", "slot"],
                condition=Q(status=MediaStatus.PENDING),
                name="bulk_media_waiting",
            ),
            models.Index(
                fields=["job"], condition=Q(status=MediaStatus.ATTACHED), name="bulk_media_shown"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.slot} of line {self.line}"
