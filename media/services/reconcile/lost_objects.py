"""Rows whose object is missing or differs: confirmed by a HEAD, then marked as FAILED."""

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models.functions import Coalesce, Now

from media.actions import MediaAction
from media.errors import ObjectNotFoundError
from media.models import MediaResource, ResourceStatus
from media.rules.failures import ObjectLoss, sentence_for
from media.storage import ObjectStore
from sartiq.core import events

log = structlog.get_logger(__name__)

MAX_HEADS: Final = 8  # at a time
Loss = tuple[MediaResource, ObjectLoss]


def confirmed(store: ObjectStore, suspects: Sequence[Loss]) -> list[Loss]:
    """Return those rows whose object is still missing or different, with the code of today.

    Raises StoreUnavailableError.
    """
    if not suspects:
        return []
    with ThreadPoolExecutor(max_workers=min(MAX_HEADS, len(suspects))) as pool:
        codes = list(pool.map(lambda loss: _loss_of(store, loss[0]), suspects))
    pairs = zip(suspects, codes, strict=True)
    return [(resource, code) for (resource, _), code in pairs if code is not None]


def _loss_of(store: ObjectStore, resource: MediaResource) -> ObjectLoss | None:
    try:
        head = store.head(resource.storage_key)
    except ObjectNotFoundError:
        return ObjectLoss.MISSING
    stored = (head.size, head.etag, head.content_type)
    expected = (resource.file_size, resource.etag, resource.content_type)
    return None if stored == expected else ObjectLoss.CHANGED


def mark(losses: Sequence[Loss]) -> int:
    """Mark rows as FAILED unless they have changed since they were compared; return how many.

    The attachments stay: the picture reappears there when the row is healed.
    """
    versions = {resource.pk: _version(resource) for resource, _ in losses}
    if not versions:
        return 0
    with transaction.atomic():
        rows = MediaResource.with_deleted.ready().filter(pk__among=versions)
        locked = list(rows.select_for_update(no_key=True).order_by("content_hash", "pk"))
        unchanged = {row.pk: row for row in locked if _version(row) == versions[row.pk]}
        ids_by_code: defaultdict[ObjectLoss, list[UUID]] = defaultdict(list)
        for resource, code in losses:
            if resource.pk in unchanged:
                ids_by_code[code].append(resource.pk)
        for code, ids in ids_by_code.items():
            MediaResource.with_deleted.filter(pk__among=ids).update(
                status=ResourceStatus.FAILED,
                failure_code=code,
                ready_at=Coalesce("ready_at", "created_at"),
                updated_at=Now(),
            )
            failed = [unchanged[pk] for pk in ids]
            events.record_each(MediaAction.RESOURCE_FAILED, failed, code=code.value)
    for resource, code in losses:
        if resource.pk in unchanged:
            message = sentence_for(code)
            log.warning("object_lost", resource_id=str(resource.pk), code=code, message=message)
    return len(unchanged)


def _version(resource: MediaResource) -> tuple[str, str, datetime | None]:
    return resource.storage_key, resource.etag, resource.ready_at
