"""Deletion of archives, and later of whole exports, after their retention periods, in batches.

The periods are `EXPORT_ARCHIVE_DAYS` and `EXPORT_RETENTION_DAYS` (sartiq/settings/environment.py).
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from exports.actions import ExportAction
from exports.models import ExportItem, ExportRun, RunStatus
from media.models import Bucket, DeletionReason
from media.services import deletions
from media.services.cleanup import report as reports
from media.services.cleanup.grace import database_now
from media.services.cleanup.report import CleanupReport, ProgressCallback, ignore_progress
from media.services.environment import require_own_environment
from sartiq.core import events
from sartiq.core.work import old_rows
from sartiq.core.work.exclusive import exclusive

RUN_BATCH_SIZE = 500
ITEM_BATCH_SIZE = 5000  # rows in one statement
OLD_RUN_BATCH_SIZE = 100  # in one call; the next call takes the next ones


def discard_expired(
    *,
    older_than: timedelta = timedelta(),
    limit: int | None = None,
    execute: bool = True,
    on_progress: ProgressCallback = ignore_progress,
) -> CleanupReport:
    """Expire runs past their retention time and queue their archives for deletion.

    `older_than` is how long ago the retention time ended. Raises ForeignEnvironmentError,
    AlreadyRunningError, StoreUnavailableError.
    """
    require_own_environment()
    report = CleanupReport(executed=execute)
    remaining = reports.UNLIMITED if limit is None else limit
    with exclusive("exports.discard_expired"):
        before = database_now() - older_than
        while remaining > 0:
            size = min(RUN_BATCH_SIZE, remaining)
            runs = _expire(before, size, report) if execute else _count(before, limit, report)
            on_progress(len(runs))
            remaining -= len(runs)
            if not execute or len(runs) < size:
                break
    reports.record_finished("export archives", report)
    return report


def _expired(before: datetime) -> "QuerySet[ExportRun]":
    rows: QuerySet[ExportRun] = ExportRun.objects.expired().filter(expires_at__lt=before)
    return rows.order_by("expires_at")


def _count(before: datetime, limit: int | None, report: CleanupReport) -> list[ExportRun]:
    runs = list(_expired(before)[:limit])
    for run in runs:
        report.add_candidate(str(run.pk), run.archive_size or 0)
    return runs


def _expire(before: datetime, size: int, report: CleanupReport) -> list[ExportRun]:
    with transaction.atomic():
        rows = _expired(before).select_for_update(of=("self",), skip_locked=True)
        runs = list(rows[:size])
        ids = [run.pk for run in runs]
        ExportRun.objects.filter(pk__in=ids).update(status=RunStatus.EXPIRED, updated_at=Now())
        events.record_each(ExportAction.EXPIRED, runs)
        archives = [run.archive_key for run in runs]
        deletions.queue(archives, reason=DeletionReason.EXPIRED, bucket=Bucket.PRIVATE)
    for run in runs:
        report.add_candidate(str(run.pk), run.archive_size or 0)
    report.discarded += len(runs)
    return runs


def discard_old_runs() -> int:
    """Delete runs without an archive that ended longer ago than they are kept; return how many."""
    before = timezone.now() - timedelta(days=settings.EXPORT_RETENTION_DAYS)
    old = ExportRun.objects.without_archive().filter(finished_at__lt=before)
    ids = list(old.order_by("finished_at").values_list("pk", flat=True)[:OLD_RUN_BATCH_SIZE])
    for pk in ids:
        items = ExportItem.objects.filter(run_id=pk).order_by("position")
        while old_rows.delete_batch(items, size=ITEM_BATCH_SIZE) == ITEM_BATCH_SIZE:
            pass
        ExportRun.objects.filter(pk=pk).delete()
    return len(ids)
