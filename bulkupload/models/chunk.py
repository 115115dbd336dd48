from datetime import datetime
from typing import ClassVar, Final, Self

from django.db import models
from django.db.models import Q

from bulkupload.models.job import BulkUploadJob, JobStatus
from bulkupload.rules.rows.excel_damage import EXCEL_DAMAGE
from sartiq.core.models import LeasedModel, TimestampedModel, due_and_unleased, not_enqueued_since


class ChunkStatus(models.TextChoices):
    """Whether the rows of a chunk were imported: all of them or none."""

    WAITING = "WAITING", "Waiting"
    DONE = "DONE", "Done"


class BulkUploadChunkQuerySet(models.QuerySet["BulkUploadChunk"]):
    """Queries for chunks."""

    def unfinished(self) -> Self:
        """Keep those still to be imported."""
        return self.filter(status=ChunkStatus.WAITING)

    def waiting(self, *, sent_before: datetime) -> Self:
        """Keep those of running jobs that no worker holds and that were not enqueued recently."""
        running = self.unfinished().filter(job__status=JobStatus.RUNNING)
        return running.filter(due_and_unleased()).filter(not_enqueued_since(sent_before))


class BulkUploadChunk(TimestampedModel, LeasedModel):
    """A range of a job's rows that is imported in one transaction, exactly once.

    `repeated` maps the SKUs that an earlier chunk has too to the lines of their first rows (0 if
    unknown). A chunk with such SKUs waits for all chunks before it, so that the last row in the
    file wins with any number of workers.
    """

    job = models.ForeignKey(BulkUploadJob, on_delete=models.CASCADE, related_name="chunks")
    number = models.PositiveIntegerField()
    start = models.PositiveBigIntegerField()
    length = models.PositiveBigIntegerField()
    first_line = models.PositiveIntegerField()
    first_row = models.PositiveIntegerField()
    rows = models.PositiveIntegerField()
    repeated = models.JSONField(default=dict, blank=True)
    status = models.CharField(
        max_length=8, choices=ChunkStatus.choices, default=ChunkStatus.WAITING
    )
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    images_refused = models.PositiveIntegerField(default=0, db_default=0)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar = BulkUploadChunkQuerySet.as_manager()

    class Meta(TimestampedModel.Meta):
        verbose_name = "bulk upload chunk"
        ordering = ["job", "number"]
        constraints = [
            models.UniqueConstraint(fields=["job", "number"], name="bulk_chunk_once_per_job"),
            models.CheckConstraint(
                condition=Q(status__in=ChunkStatus.values), name="bulk_chunk_status_known"
            ),
            models.CheckConstraint(
                condition=Q(status=ChunkStatus.WAITING)
                | Q(
                    rows=models.F("created")
                    + models.F("updated")
                    + models.F("unchanged")
                    + models.F("failed")
                ),
                name="bulk_chunk_counts_every_row",
            ),
        ]
        indexes = [
            models.Index(
                fields=["created_at"],
                condition=Q(status=ChunkStatus.WAITING),
                name="bulk_chunk_waiting",
            ),
        ]

    def __str__(self) -> str:
        return f"Chunk {self.number}"


TABLE_ROW: Final = 0  # the row of a warning about the table; real rows are numbered from 1


class ErrorSeverity(models.TextChoices):
    """An ERROR refuses its row; a WARNING is about a row that was imported, or about the table."""

    ERROR = "ERROR", "Error"
    WARNING = "WARNING", "Warning"


class BulkUploadRowError(models.Model):
    """One error or warning about a row; at least one of each row has the row's `cells` as JSON.

    JSON in ASCII, because a refused cell may contain characters that PostgreSQL cannot store as
    text: NUL and lone surrogates.
    """

    id = models.BigAutoField(primary_key=True)
    job = models.ForeignKey(BulkUploadJob, on_delete=models.CASCADE, related_name="row_errors")
    row = models.PositiveIntegerField()
    position = models.PositiveSmallIntegerField()
    line = models.PositiveIntegerField()
    column = models.TextField(blank=True)
    value = models.TextField(blank=True)
    severity = models.CharField(
        max_length=8,
        choices=ErrorSeverity.choices,
        default=ErrorSeverity.ERROR,
        db_default=ErrorSeverity.ERROR,
    )
    code = models.CharField(max_length=64)
    message = models.TextField()
    cells = models.TextField(blank=True)

    class Meta:
        verbose_name = "bulk upload error"
        ordering = ["job", "row", "position"]
        indexes = [
            models.Index(
                fields=["value"], condition=Q(code=EXCEL_DAMAGE), name="bulk_error_excel_damage"
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["job", "row", "position"], name="bulk_error_once"),
            models.CheckConstraint(
                condition=Q(severity__in=ErrorSeverity.values), name="bulk_error_severity_known"
            ),
        ]

    def __str__(self) -> str:
        return f"Line {self.line}: {self.message}"
