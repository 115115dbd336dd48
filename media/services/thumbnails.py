"""Thumbnails of images, stored beside the image.

Their size is `THUMBNAIL_SIDE` (media/rules/limits.py); they are encoded in
media/services/decoding/child/thumbnail_encoder.py.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from media.errors import (
    ContentError,
    ObjectNotFoundError,
    PreconditionFailedError,
    StoreRefusedError,
    StoreUnavailableError,
)
from media.models import Bucket, DeletionReason, MediaResource, ResourceType
from media.rules import keys
from media.rules.file_types.content_types import IMMUTABLE
from media.services import stored_objects
from media.services.decoding.decode import make_thumbnail
from media.services.environment import require_own_environment
from media.services.ingest.examine import examined_file
from media.services.stored_objects import StoringTooSlowError
from media.storage import ObjectHeaders, ObjectStore
from sartiq.core.work.crash_points import crash_point

log = structlog.get_logger(__name__)

HEADERS = ObjectHeaders(content_type="image/webp", cache_control=IMMUTABLE)
MAX_FAILED_IDS = 20


@dataclass(kw_only=True)
class ThumbnailReport:
    """The result of a run; `failed` has at most twenty ids of images still without a thumbnail."""

    executed: bool
    missing: int = 0
    made: int = 0
    failed: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the report as one object."""
        return asdict(self)


def store_thumbnail(
    store: ObjectStore, resource: MediaResource, path: str | Path, *, before_put: Callable[[], None]
) -> bool:
    """Create and store the thumbnail of the verified bytes at `path`; False when that fails.

    A failure is logged, not raised: the image becomes READY without a thumbnail.
    `before_put` may raise to stop a worker that lost its lease.
    """
    if resource.resource_type != ResourceType.IMAGE:
        return False
    encoded = _encode(resource, path)
    if encoded is None:
        return False
    before_put()
    try:
        store.put(keys.thumbnail_key(resource.pk), encoded, headers=HEADERS)
    except (StoreRefusedError, StoreUnavailableError) as error:
        _log_missing(resource, error)
        return False
    crash_point("thumbnail-stored")
    return True


def create_missing(
    *, store: ObjectStore, limit: int | None = None, execute: bool = False
) -> ThumbnailReport:
    """Create the missing thumbnails of READY images; without `execute` only count them.

    Safe to re-run after a crash at any step. Raises ForeignEnvironmentError,
    StoreUnavailableError.
    """
    require_own_environment()
    report = ThumbnailReport(executed=execute)
    rows = MediaResource.objects.lacking_thumbnail().order_by("pk")
    for pk in list(rows.values_list("pk", flat=True)[:limit]):
        report.missing += 1
        if execute and create_for(store, pk):
            report.made += 1
        elif execute and len(report.failed) < MAX_FAILED_IDS:
            report.failed.append(str(pk))
    return report


def create_for(store: ObjectStore, resource_id: UUID) -> bool:
    """Create the missing thumbnail of one READY image; False when that fails."""
    resource = MediaResource.objects.lacking_thumbnail().filter(pk=resource_id).first()
    if resource is None:
        return False
    try:
        with examined_file(
            store,
            store.head(resource.storage_key),
            content_type=resource.content_type,
            content_hash=resource.content_hash,
            on_chunk=_ignore_chunk,
        ) as (_, path):
            encoded = _encode(resource, path)
    except (ContentError, ObjectNotFoundError, PreconditionFailedError) as error:
        _log_missing(resource, error)
        return False
    return encoded is not None and _store_for_row(store, resource, encoded)


def _store_for_row(store: ObjectStore, resource: MediaResource, encoded: bytes) -> bool:
    """Store the object, then set `has_thumbnail`.

    If the row is discarded at the same time, the object is deleted again.
    """
    try:
        stored = stored_objects.put(
            store,
            keys.thumbnail_key(resource.pk),
            encoded,
            headers=HEADERS,
            bucket=Bucket.PUBLIC,
            reason=DeletionReason.ORPHANED,
        )
        crash_point("thumbnail-stored")
        with transaction.atomic():
            rows = MediaResource.objects.lacking_thumbnail().filter(pk=resource.pk)
            if rows.update(has_thumbnail=True) != 1:
                return False
            stored.cancel_deletion()
    except (StoreRefusedError, StoreUnavailableError, StoringTooSlowError) as error:
        _log_missing(resource, error)
        return False
    return True


def _encode(resource: MediaResource, path: str | Path) -> bytes | None:
    try:
        return make_thumbnail(path, resource.content_type)
    except ContentError as error:
        _log_missing(resource, error)
        return None


def _log_missing(resource: MediaResource, error: Exception) -> None:
    log.warning("thumbnail_missing", resource_id=str(resource.pk), reason=str(error))


def _ignore_chunk() -> None:
    """Do nothing: no lease has to be renewed here."""
