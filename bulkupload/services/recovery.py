"""Telling the workers again of what waits: the broker may have lost or never got the hint."""

from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from bulkupload.models import (
    BulkUploadChunk,
    BulkUploadJob,
    BulkUploadMedia,
    BulkUploadMediaBatch,
    MediaStatus,
    RemoteImage,
)
from bulkupload.services import finishing, media_end
from sartiq.core.publishing import send

Waiting = TypeVar("Waiting", BulkUploadJob, BulkUploadChunk, RemoteImage, BulkUploadMediaBatch)

MOST_AT_ONCE = 100  # rows a run; the next run takes the next ones


def resend() -> int:
    """Send what waits and nobody works on, finish what only lacks its end; return how many."""
    told_before = timezone.now() - timedelta(seconds=settings.RESEND_AFTER_SECONDS)
    jobs = BulkUploadJob.objects.waiting(sent_before=told_before).order_by("created_at")
    chunks = BulkUploadChunk.objects.waiting(sent_before=told_before)
    pictures = RemoteImage.objects.waiting(sent_before=told_before).order_by("created_at")
    batches = BulkUploadMediaBatch.objects.waiting(sent_before=told_before)
    sent = [
        _send("bulkupload.plan", "job_id", jobs),
        _send("bulkupload.import_chunk", "chunk_id", chunks.order_by("job__created_at", "number")),
        _send("bulkupload.fetch_image", "remote_id", pictures),
        _send("bulkupload.attach_media", "batch_id", batches.order_by("created_at")),
    ]
    return sum(sent) + _finish()


def _send(task: str, name: str, rows: "QuerySet[Waiting]") -> int:
    ids: list[UUID] = list(rows.values_list("pk", flat=True)[:MOST_AT_ONCE])
    sent = [pk for pk in ids if send(task, **{name: str(pk)})]
    rows.model._default_manager.filter(pk__in=sent).update(  # noqa: SLF001  Django's own API
        sent_at=timezone.now()
    )
    return len(sent)


def _finish() -> int:
    """Note what became of files, and finish the jobs that only lack their end."""
    running = BulkUploadJob.objects.importing()
    shown = BulkUploadMedia.objects.filter(status=MediaStatus.SHOWN).values("job_id")
    for pk in list(running.filter(pk__in=shown).values_list("pk", flat=True)[:MOST_AT_ONCE]):
        media_end.settle(pk)
    chunks = BulkUploadChunk.objects.unfinished().values("job_id")
    batches = BulkUploadMediaBatch.objects.unsettled().values("job_id")
    ended = running.exclude(pk__in=chunks).exclude(pk__in=batches)
    ids = list(ended.values_list("pk", flat=True)[:MOST_AT_ONCE])
    return sum(finishing.finish(pk) for pk in ids)
