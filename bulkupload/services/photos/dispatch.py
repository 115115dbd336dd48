"""Enqueueing of a batch's photos, a few at a time, so that a large batch never fills the queue."""

from functools import partial
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from bulkupload import enqueue
from bulkupload.models import PhotoBatch, PhotoFile

MAX_ENQUEUED: Final = 16  # photos of one batch in the queue at the same time


def send_next(batch_id: UUID, *, limit: int = 1) -> int:
    """Enqueue the next photos that were never enqueued; return how many."""
    with transaction.atomic():
        rows = PhotoFile.objects.not_enqueued().filter(batch_id=batch_id).order_by("created_at")
        locked = rows.select_for_update(skip_locked=True, no_key=True, of=("self",))
        ids = list(locked.values_list("pk", flat=True)[:limit])
        PhotoFile.objects.filter(pk__in=ids).update(sent_at=timezone.now())
        for pk in ids:
            enqueue.attach_photo(pk)
    return len(ids)


def top_up(batch_id: UUID) -> int:
    """Enqueue photos of a batch until MAX_ENQUEUED are in the queue; return how many were added."""
    photos = PhotoFile.objects.to_attach().filter(batch_id=batch_id)
    enqueued = photos.filter(sent_at__isnull=False).count()
    return send_next(batch_id, limit=MAX_ENQUEUED - enqueued) if enqueued < MAX_ENQUEUED else 0


def batches_to_top_up() -> QuerySet[PhotoBatch]:
    """Return the batches of which `top_up` would enqueue photos."""
    photos = PhotoFile.objects.filter(batch=OuterRef("pk")).order_by()
    enqueued = photos.to_attach().filter(sent_at__isnull=False)
    last_enqueued = enqueued[MAX_ENQUEUED - 1 : MAX_ENQUEUED]
    batches = PhotoBatch.objects.running().filter(Exists(photos.not_enqueued()))
    return batches.exclude(Exists(last_enqueued))


def top_up_after_commit(batch_id: UUID) -> None:
    """Top up once the caller's transaction has committed."""
    transaction.on_commit(partial(top_up, batch_id))


def advance(batch_id: UUID) -> None:
    """Enqueue the next photo or, after the last one, the check whether all are ready."""
    waiting = PhotoFile.objects.to_attach().filter(batch_id=batch_id)
    if not send_next(batch_id) and not waiting.exists():
        enqueue.finish_photos(batch_id)
