"""Deletion of archives after their retention time, in batches."""

from django.db import transaction
from django.db.models.functions import Now

from exports.models import ExportRun, RunStatus
from media.models import Bucket, DeletionReason
from media.services import deletions

RUNS_AT_ONCE = 500


def discard_expired() -> int:
    """Expire the runs whose seven days are over and queue their archives; return how many."""
    with transaction.atomic():
        rows = ExportRun.objects.expired().order_by("expires_at")
        old = list(rows.select_for_update(of=("self",), skip_locked=True)[:RUNS_AT_ONCE])
        ids = [run.pk for run in old]
        ExportRun.objects.filter(pk__in=ids).update(status=RunStatus.EXPIRED, updated_at=Now())
        archives = [run.archive_key for run in old]
        deletions.queue(archives, reason=DeletionReason.EXPIRED, bucket=Bucket.PRIVATE)
    return len(old)
