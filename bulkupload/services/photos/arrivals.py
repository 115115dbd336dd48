"""The periodic check for uploads that nobody reported: their objects are in the store."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet

from bulkupload.models import PhotoBatch, PhotoFile
from bulkupload.models.photos import UNFINISHED_BATCH
from bulkupload.services.photos.lifecycle import lock
from bulkupload.services.photos.tickets import save_arrived
from media.errors import ObjectNotFoundError
from media.models import Upload
from media.storage import ObjectStore
from sartiq.core.limits.request_limits import map_in_threads

CHECK_AFTER: Final = timedelta(minutes=2)  # since the ticket: clients report their uploads
CHECK_AGAIN_AFTER: Final = timedelta(minutes=5)
BATCH_SIZE: Final = 500  # photos of one run
MAX_THREADS: Final = 8


def find_unreported(store: ObjectStore, *, now: datetime) -> int:
    """Find uploads of unfinished batches that nobody reported; return how many.

    Raises StoreUnavailableError.
    """
    photos = list(_unreported(now)[:BATCH_SIZE])
    upload_ids = [photo.upload_id for photo in photos if photo.upload_id]
    uploads = Upload.objects.filter(pk__in=upload_ids)
    keys = dict(uploads.values_list("pk", "key"))
    with ThreadPoolExecutor(max_workers=MAX_THREADS) as pool:
        exists = map_in_threads(pool, partial(_exists, store), [keys.get(pk) for pk in upload_ids])
    PhotoFile.objects.filter(pk__in=[photo.pk for photo in photos]).update(checked_at=now)
    arrived: dict[UUID, list[UUID]] = {}
    for photo, is_stored in zip(photos, exists, strict=True):
        if is_stored:
            arrived.setdefault(photo.batch_id, []).append(photo.pk)
    return sum(_save(batch_id, ids, now=now) for batch_id, ids in arrived.items())


def _save(batch_id: UUID, photo_ids: list[UUID], *, now: datetime) -> int:
    with transaction.atomic():
        if lock(PhotoBatch(pk=batch_id)).is_finished:
            return 0
        return save_arrived(batch_id, photo_ids, now=now)


def _unreported(now: datetime) -> "QuerySet[PhotoFile]":
    rows = PhotoFile.objects.unreported().filter(batch__status__in=UNFINISHED_BATCH)
    due = Q(checked_at__isnull=True, updated_at__lt=now - CHECK_AFTER)
    due |= Q(checked_at__lt=now - CHECK_AGAIN_AFTER)
    return rows.filter(due).order_by(F("checked_at").asc(nulls_first=True))


def _exists(store: ObjectStore, key: str | None) -> bool:
    if key is None:
        return False
    try:
        store.head(key)
    except ObjectNotFoundError:
        return False
    return True
