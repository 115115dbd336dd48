"""Deletion of old jobs with their errors and files, and of old photo batches, in bounded batches.

The periods are `IMPORT_RETENTION_DAYS` and `REMOTE_IMAGE_RETENTION_DAYS`
(sartiq/settings/environment.py).
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from bulkupload.models import (
    BulkUploadJob,
    BulkUploadMedia,
    BulkUploadRowError,
    PhotoBatch,
    PhotoFile,
    RemoteImage,
)
from media.models import Bucket, DeletionReason
from media.services import deletions
from sartiq.core.work import old_rows

ROW_BATCH_SIZE = 10_000  # rows per statement
JOB_BATCH_SIZE = 100


def discard_old_jobs() -> int:
    """Delete the jobs that ended longer ago than the retention period; return how many."""
    old = BulkUploadJob.objects.expired(
        before=timezone.now() - timedelta(days=settings.IMPORT_RETENTION_DAYS)
    )
    ids = list(old.order_by("finished_at").values_list("pk", flat=True)[:JOB_BATCH_SIZE])
    for pk in ids:
        while _discard_rows(pk):
            pass
        _discard(pk)
    return len(ids)


def discard_old_remote_images() -> int:
    """Delete remote images fetched or tried long ago that no import waits for; return how many.

    A later table that names such an image has it fetched again.
    """
    before = timezone.now() - timedelta(days=settings.REMOTE_IMAGE_RETENTION_DAYS)
    return old_rows.delete_in_batches(RemoteImage.objects.unused(before=before))


def discard_old_photo_batches() -> int:
    """Delete photo batches that ended longer ago than imports are kept; return how many."""
    before = timezone.now() - timedelta(days=settings.IMPORT_RETENTION_DAYS)
    batches = PhotoBatch.objects.expired(before=before).order_by("finished_at")
    ids = list(batches.values_list("pk", flat=True)[:JOB_BATCH_SIZE])
    for pk in ids:
        old_rows.delete_in_batches(PhotoFile.objects.filter(batch_id=pk).order_by("status"))
    return old_rows.delete_in_batches(batches.filter(files__isnull=True), max_batches=1)


def _discard_rows(job_id: UUID) -> int:
    errors = BulkUploadRowError.objects.filter(job_id=job_id).order_by("row")
    media = BulkUploadMedia.objects.filter(job_id=job_id).order_by("row")
    return _delete_batch(errors) + _delete_batch(media)


def _delete_batch(rows: "QuerySet[BulkUploadRowError] | QuerySet[BulkUploadMedia]") -> int:
    ids: list[Any] = list(rows.values_list("pk", flat=True)[:ROW_BATCH_SIZE])
    return rows.model._default_manager.filter(pk__in=ids).delete()[0]  # noqa: SLF001  Django's own


def _discard(job_id: UUID) -> None:
    with transaction.atomic():
        job = BulkUploadJob.objects.select_for_update().filter(pk=job_id).first()
        if job is None:
            return
        object_keys = {job.source_key, job.rows_key} - {""}
        deletions.queue(object_keys, reason=DeletionReason.EXPIRED, bucket=Bucket.PRIVATE)
        job.delete()
