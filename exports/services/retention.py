"""Deletion of archives after their retention time, in batches."""

from django.db import transaction
from django.db.models.functions import Now

from exports.actions import ExportAction
from exports.models import ExportRun, RunStatus
from media.models import Bucket, DeletionReason
from media.services import deletions
from sartiq.core import events

RUN_BATCH_SIZE = 500


def discard_expired() -> int:
    """Expire runs past their retention time, queue their archives for deletion; return how many."""
    with transaction.atomic():
        rows = ExportRun.objects.expired().order_by("expires_at")
        runs = list(rows.select_for_update(of=("self",), skip_locked=True)[:RUN_BATCH_SIZE])
        ids = [run.pk for run in runs]
        ExportRun.objects.filter(pk__in=ids).update(status=RunStatus.EXPIRED, updated_at=Now())
        events.record_each(ExportAction.EXPIRED, runs)
        archives = [run.archive_key for run in runs]
        deletions.queue(archives, reason=DeletionReason.EXPIRED, bucket=Bucket.PRIVATE)
    return len(runs)
