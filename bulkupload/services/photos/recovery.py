"""Enqueueing waiting photos again, and ending batches: the broker may have lost their tasks."""

from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from bulkupload.models import PhotoBatch, PhotoFile
from bulkupload.rules.limits import MAX_IDLE_TIME
from bulkupload.services.photos import dispatch, finish, lifecycle
from media.services.health import stores_answer
from sartiq.core.work import resend as resending
from sartiq.core.work.resend import end_outage, waiting_for
from sartiq.core.work.takeover import rows_for

RECOVERY_BATCH_SIZE = 100  # batches of one run; the next run continues


def resend() -> int:
    """Enqueue waiting photos again and end batches that are done; return the number of both."""
    end_outage(PhotoFile.objects.to_attach(), is_over=stores_answer)
    sent = resending.resend("bulkupload.attach_photo", "photo_id", _waiting_photos)
    sent += sum(dispatch.top_up(pk) for pk in _ids(dispatch.batches_to_top_up()))
    for pk in _ids(finish.batches_to_update()):
        finish.update_outcomes(pk)
    photos = PhotoFile.objects.filter(batch=OuterRef("pk"))
    done = PhotoBatch.objects.running().exclude(Exists(photos.being_attached()))
    done = done.exclude(Exists(photos.expected()))
    ended = sum(lifecycle.end_if_done(pk) for pk in _ids(done))
    before = timezone.now() - MAX_IDLE_TIME
    idle = PhotoBatch.objects.idle(before=before).exclude(Exists(photos.being_attached()))
    return sent + ended + sum(lifecycle.end_idle(pk, before=before) for pk in _ids(idle))


def _ids(batches: "QuerySet[PhotoBatch]") -> list[UUID]:
    rows = batches.order_by("last_arrival_at").values_list("pk", flat=True)
    return list(rows[:RECOVERY_BATCH_SIZE])


@waiting_for("bulkupload.attach_photo")
def _waiting_photos(sent_before: datetime) -> QuerySet[PhotoFile]:
    return PhotoFile.objects.waiting(sent_before=sent_before).order_by("sent_at")


@rows_for("bulkupload.attach_photo", "photo_id")
def _photos_to_attach() -> QuerySet[PhotoFile]:
    return PhotoFile.objects.to_attach()
