from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q

from accounts.models import User
from sartiq.core.models import TimestampedModel


class ReconcileState(models.TextChoices):
    """The state of one pass over the public bucket and the rows of media resources."""

    RUNNING = "RUNNING", "Running"
    COMPLETED = "COMPLETED", "Completed"
    STOPPED = "STOPPED", "Stopped: too many files are missing"
    ABANDONED = "ABANDONED", "Abandoned for a new pass"


class ReconcileReport(TimestampedModel):
    """One pass over the public bucket and the media resources, and how they differ.

    - `started_at` is by the database's clock.
    - `cursor` is the last key of the bucket that was compared. `row_cursor` is the last
      compared key of the form `media/{id}/...`: the comparison of the rows continues after it.
    - `rows_expected` is the number of rows when the pass began.
    - With `only_counts` the pass only counts missing files and marks no row FAILED, because there
      are more of them than `max_lost`.
    - Counts of files: `missing`, `changed`, `failed` (rows that were marked), `returned` (FAILED
      rows whose object is there again).
    - Counts of objects without a row: `recorded` (all of them), `reported` (those that staff may
      approve for deletion), `approved`.
    - `confirmed_lost` is the number of missing files that staff have confirmed as lost: the next
      pass continues in spite of them.
    - `samples` has some keys for each kind of difference.
    """

    state = models.CharField(
        max_length=16, choices=ReconcileState.choices, default=ReconcileState.RUNNING
    )
    cursor = models.CharField(max_length=1024, blank=True)
    row_cursor = models.CharField(max_length=1024, blank=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    only_counts = models.BooleanField(default=False)
    rows_expected = models.PositiveBigIntegerField("files at the start", default=0)
    max_lost = models.PositiveBigIntegerField("lost files allowed", default=0)
    objects_compared = models.PositiveBigIntegerField(default=0)
    rows_compared = models.PositiveBigIntegerField(default=0)
    missing = models.PositiveBigIntegerField("files missing", default=0)
    changed = models.PositiveBigIntegerField("files changed", default=0)
    failed = models.PositiveBigIntegerField("files marked as failed", default=0)
    returned = models.PositiveBigIntegerField("files found again", default=0)
    recorded = models.PositiveBigIntegerField("unknown objects", default=0)
    reported = models.PositiveBigIntegerField("unknown objects to approve", default=0)
    reported_bytes = models.PositiveBigIntegerField(default=0)
    samples = models.JSONField(default=dict, blank=True)
    confirmed_lost = models.PositiveBigIntegerField(null=True, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    approved = models.PositiveBigIntegerField("unknown objects queued for deletion", default=0)

    class Meta(TimestampedModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="RUNNING"), name="media_reconcile_one_running"
            ),
            models.CheckConstraint(
                condition=Q(state__in=ReconcileState.values), name="media_reconcile_state_known"
            ),
        ]
        indexes = [
            models.Index(fields=["started_at"], name="media_reconcile_started"),
            models.Index(fields=["state", "started_at"], name="media_reconcile_state"),
        ]

    def __str__(self) -> str:
        return f"Pass of {self.started_at:%Y-%m-%d %H:%M}"

    @property
    def lost(self) -> int:
        """The number of rows whose object is missing or changed."""
        return self.missing + self.changed


class UnknownObjectQuerySet(models.QuerySet["UnknownObject"]):
    """Queries for unknown objects."""

    def seen_since(self, moment: datetime) -> Self:
        """Filter to objects that a pass saw at `moment` or later."""
        return self.filter(seen_at__gte=moment)

    def reportable(self, *, recorded_before: datetime) -> Self:
        """Filter to objects whose current version was first seen before this time."""
        return self.filter(recorded_at__lt=recorded_before)


class UnknownObject(TimestampedModel):
    """An object under `media/` to which no row refers.

    `recorded_at` is when a pass first saw this version of it, `seen_at` when the last one did.
    """

    key = models.CharField(max_length=1024, unique=True)
    etag = models.CharField(max_length=128)
    size = models.PositiveBigIntegerField()
    last_modified = models.DateTimeField()
    recorded_at = models.DateTimeField()
    seen_at = models.DateTimeField(db_index=True)
    report = models.ForeignKey(
        ReconcileReport,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="unknown_objects",
        editable=False,
    )

    objects = UnknownObjectQuerySet.as_manager()

    def __str__(self) -> str:
        return self.key
