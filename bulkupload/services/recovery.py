"""Telling the workers again of what waits: the broker may have lost or never got the hint."""

from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from bulkupload.models import BulkUploadChunk, BulkUploadJob
from bulkupload.services import finishing
from sartiq.core.publishing import send

Waiting = TypeVar("Waiting", BulkUploadJob, BulkUploadChunk)

MOST_AT_ONCE = 100  # rows a run; the next run takes the next ones


def resend() -> int:
    """Send what waits and nobody works on, finish what only lacks its end; return how many."""
    told_before = timezone.now() - timedelta(seconds=settings.RESEND_AFTER_SECONDS)
    jobs = BulkUploadJob.objects.waiting(sent_before=told_before).order_by("created_at")
    planned = [pk for pk in _ids(jobs) if send("bulkupload.plan", job_id=str(pk))]
    BulkUploadJob.objects.filter(pk__in=planned).update(sent_at=timezone.now())
    chunks = BulkUploadChunk.objects.waiting(sent_before=told_before)
    oldest = chunks.order_by("job__created_at", "number")
    sent = [pk for pk in _ids(oldest) if send("bulkupload.import_chunk", chunk_id=str(pk))]
    BulkUploadChunk.objects.filter(pk__in=sent).update(sent_at=timezone.now())
    unfinished = BulkUploadChunk.objects.unfinished().values("job_id")
    ended = BulkUploadJob.objects.importing().exclude(pk__in=unfinished)
    finished = [pk for pk in _ids(ended) if finishing.finish(pk)]
    return len(planned) + len(sent) + len(finished)


def _ids(rows: "QuerySet[Waiting]") -> list[UUID]:
    return list(rows.values_list("pk", flat=True)[:MOST_AT_ONCE])
