from datetime import datetime
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q

from accounts.models import OwnedModel, OwnedQuerySet, indexes_by_owner
from bulkupload.rules.table.dialects import Dialect
from bulkupload.rules.table.header import Layout
from sartiq.core.models import LeasedModel, due_and_unleased, not_enqueued_since


class JobStatus(models.TextChoices):
    """The states of a bulk upload: QUEUED, then RUNNING, then one of four final states."""

    QUEUED = "QUEUED", "Queued"
    RUNNING = "RUNNING", "Running"
    COMPLETED = "COMPLETED", "Completed"
    COMPLETED_WITH_ERRORS = "COMPLETED_WITH_ERRORS", "Completed with errors"
    FAILED = "FAILED", "Failed"
    CANCELLED = "CANCELLED", "Cancelled"


UNFINISHED = (JobStatus.QUEUED, JobStatus.RUNNING)


class BulkUploadJobQuerySet(OwnedQuerySet["BulkUploadJob"]):
    """Queries for bulk uploads."""

    def unfinished(self) -> Self:
        """Keep those that have not ended."""
        return self.filter(status__in=UNFINISHED)

    def unplanned(self) -> Self:
        """Keep those whose file is not split into chunks yet."""
        return self.unfinished().filter(planned_at__isnull=True)

    def importing(self) -> Self:
        """Keep those whose chunks are being imported."""
        return self.filter(status=JobStatus.RUNNING, planned_at__isnull=False)

    def waiting(self, *, sent_before: datetime) -> Self:
        """Keep the unplanned ones that no worker holds and that were not enqueued recently."""
        return self.unplanned().filter(due_and_unleased()).filter(not_enqueued_since(sent_before))

    def expired(self, *, before: datetime) -> Self:
        """Keep those that ended before this moment."""
        return self.exclude(status__in=UNFINISHED).filter(finished_at__lt=before)


class BulkUploadJob(OwnedModel, LeasedModel):
    """The import of one table of products.

    `source_key` is the file as it was sent, `rows_key` the CSV that the chunks are ranges of: the
    same object, or the table of a workbook as CSV. `encoding` is what the user stated. `columns` is
    empty until the file is split or its header refused. `sku_width` is the number of digits of its
    SKUs if they are zero-padded numbers: Excel dropped the zeros of shorter ones.
    """

    status = models.CharField(max_length=32, choices=JobStatus.choices, default=JobStatus.QUEUED)
    filename = models.CharField(max_length=255)
    source_key = models.CharField(max_length=500)
    source_size = models.PositiveBigIntegerField()
    source_etag = models.CharField(max_length=128)
    rows_key = models.CharField(max_length=500, blank=True)
    rows_etag = models.CharField(max_length=128, blank=True)
    dry_run = models.BooleanField(default=False)
    mapping = models.JSONField(default=dict, blank=True)
    encoding = models.CharField(max_length=16, blank=True, db_default="")
    dialect = models.JSONField(default=dict, blank=True)
    columns = models.JSONField(default=list, blank=True)
    sku_width = models.PositiveSmallIntegerField(null=True, blank=True)
    total_rows = models.PositiveIntegerField(default=0)
    planned_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    failure_code = models.CharField(max_length=64, blank=True)
    failure_message = models.TextField(blank=True)
    failure_line = models.PositiveIntegerField(null=True, blank=True)
    retry_of = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="retries"
    )

    objects: ClassVar = BulkUploadJobQuerySet.as_manager()

    class Meta(OwnedModel.Meta):
        verbose_name = "bulk upload"
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=JobStatus.values), name="bulk_job_status_known"
            ),
            models.CheckConstraint(
                condition=Q(status__in=UNFINISHED, finished_at__isnull=True)
                | (~Q(status__in=UNFINISHED) & Q(finished_at__isnull=False)),
                name="bulk_job_ends_once",
            ),
        ]
        indexes = [
            *indexes_by_owner("bulk_job"),
            models.Index(
                fields=["created_at"],
                condition=Q(status__in=UNFINISHED),
                name="bulk_job_unfinished",
            ),
            models.Index(
                fields=["finished_at"],
                condition=Q(finished_at__isnull=False),
                name="bulk_job_finished",
            ),
        ]

    def __str__(self) -> str:
        return self.filename

    @property
    def dialect_object(self) -> Dialect:
        """The dialect of the table, once it is known."""
        fields: dict[str, Any] = self.dialect
        return Dialect(**fields)

    @property
    def layout(self) -> Layout:
        """The positions of the fields in a row, once they are known."""
        return Layout.from_stored(self.columns)

    @property
    def is_error_file(self) -> bool:
        """Whether the file is the unedited error file of the job it retries."""
        return self.retry_of is not None and self.retry_of.status == JobStatus.COMPLETED_WITH_ERRORS

    @property
    def is_finished(self) -> bool:
        """Whether it has ended."""
        return self.status not in UNFINISHED
