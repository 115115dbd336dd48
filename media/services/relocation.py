"""Relocation of a temporary object to its canonical key.

The copy is pinned to the checked version, read back whole, hashed and decoded before the row
becomes READY. Every step is safe to re-run after a crash (`docs/design/relocation.md`).
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from threading import Event
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from media.actions import MediaAction
from media.errors import (
    ContentError,
    ObjectNotFoundError,
    PreconditionFailedError,
    SourceChangedError,
)
from media.models import DeletionReason, MediaResource, ResourceStatus, Upload, UploadState
from media.rules import keys
from media.rules.failures import ObjectLoss, RelocationFailure, sentence_for
from media.rules.file_types import content_types
from media.services import deletions
from media.services.decoding import turns
from media.services.decoding.decode import MediaProperties, inspect_file
from media.services.ingest.examine import ExaminedObject, examined_file
from media.services.thumbnails import store_thumbnail
from media.storage import ObjectHeaders, ObjectStore
from sartiq.core import events
from sartiq.core.errors import UnavailableError
from sartiq.core.work import leases
from sartiq.core.work.crash_points import crash_point
from sartiq.core.work.leases import Lease
from sartiq.core.work.runner import RowTask

log = structlog.get_logger(__name__)

MEMORY_POLL_SECONDS = 0.1
_LOSSES = {
    RelocationFailure.SOURCE_MISSING.value: ObjectLoss.MISSING.value,
    SourceChangedError.code: ObjectLoss.CHANGED.value,
}


class SourceMissingError(Exception):
    """Raised when every object with the bytes has been deleted; the client must upload it again."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """An object that had the bytes of the resource when it was checked."""

    key: str
    etag: str


@dataclass(frozen=True, kw_only=True)
class VerifiedCopy:
    """The properties of the canonical object after it was read and decoded."""

    examined: ExaminedObject
    decoded: MediaProperties
    has_thumbnail: bool


def relocate(store: ObjectStore, resource_id: UUID) -> None:
    """Relocate one PENDING resource, once, even if the task is delivered several times."""
    resource = MediaResource.objects.pending().filter(pk=resource_id).first()
    if resource is None:
        return
    with turns.wait_for_memory(resource):
        lease = leases.take(MediaResource.objects.pending().filter(pk=resource_id))
        if lease is not None:
            _task(store).run(lease)


def relocate_next(store: ObjectStore) -> int:
    """Relocate resources of the next owner; return how many, 0 if none could be taken.

    Waits while every waiting row needs more memory than is free: a smaller one may arrive.
    """
    pause = Event()
    deadline = time.monotonic() + settings.TASK_TIME_LIMIT / 30  # to leave time for other tasks
    while (turn := turns.take()) is None:
        if time.monotonic() > deadline or not turns.is_waiting():
            return 0
        pause.wait(MEMORY_POLL_SECONDS)
    task = _task(store)
    with turn:
        for lease in turn.leases:
            task.run(lease)
    return len(turn.leases)


def _task(store: ObjectStore) -> RowTask[MediaResource, str]:
    return RowTask(
        name="relocation",
        work=partial(_relocate_held, store),
        fail=_fail,
        failure_of=_failure_of,
        attempts_exhausted=RelocationFailure.ATTEMPTS_EXHAUSTED,
    )


def _relocate_held(store: ObjectStore, lease: Lease[MediaResource]) -> None:
    crash_point("relocation-started")
    resource = lease.rows.get()
    _become_ready(lease, resource.pk, _move(store, lease, resource))


def _failure_of(error: Exception) -> str | None:
    if isinstance(error, SourceMissingError):
        return RelocationFailure.SOURCE_MISSING
    if isinstance(error, ContentError):
        return error.code
    if isinstance(error, (UnavailableError, OSError)):
        return RelocationFailure.STORE_UNAVAILABLE
    return None


def headers_for(resource: MediaResource) -> ObjectHeaders:
    """Return the headers of the canonical object."""
    is_inline = content_types.FILE_TYPES[resource.content_type].resource_type not in {
        content_types.ARCHIVE,
        content_types.DOCUMENT,
    }
    return ObjectHeaders(
        content_type=resource.content_type,
        cache_control=content_types.IMMUTABLE,
        content_disposition=None if is_inline else "attachment",
    )


def _move(store: ObjectStore, lease: Lease[MediaResource], resource: MediaResource) -> VerifiedCopy:
    """Copy from one source after another until a copy passes verification."""
    target = keys.canonical_key(resource.pk, resource.extension)
    if resource.storage_key == target:  # its object was lost, and may be back
        copy = _verify(store, lease, target, resource)
        if copy is not None:
            return copy
    source_exists = False
    for source in _sources(resource, target):
        try:
            _copy(store, lease, source, target, resource)
        except ObjectNotFoundError:
            continue
        except PreconditionFailedError:
            source_exists = True
            continue
        source_exists = True
        copy = _verify(store, lease, target, resource)
        if copy is not None:
            return copy
    copy = _verify(store, lease, target, resource)  # an earlier attempt may have left a copy
    if copy is None:
        source_exists = source_exists or _exists(store, target)
        raise SourceChangedError if source_exists else SourceMissingError
    return copy


def _exists(store: ObjectStore, key: str) -> bool:
    try:
        store.head(key)
    except ObjectNotFoundError:
        return False
    return True


def _sources(resource: MediaResource, target: str) -> Iterator[Source]:
    """Yield the objects known to have had the bytes, each once, those that are likeliest first."""
    tried = {target}
    for key, etag in _known_objects(resource):
        if key not in tried:
            tried.add(key)
            yield Source(key=key, etag=etag)


def _known_objects(resource: MediaResource) -> Iterator[tuple[str, str]]:
    yield resource.storage_key, resource.etag
    uploads = Upload.objects.filter(resource_id=resource.pk)
    yield from uploads.claimed().values_list("key", "etag")
    origin = resource.copied_from
    if origin is not None:
        yield origin.storage_key, origin.etag
    if resource.ready_at is not None:  # its object was lost: whatever may still have the bytes
        yield from uploads.exclude(etag="").values_list("key", "etag")
        same_bytes = MediaResource.with_deleted.in_scope(resource.scope).filter(
            content_hash=resource.content_hash
        )
        yield from same_bytes.exclude(pk=resource.pk).values_list("storage_key", "etag")


def _copy(
    store: ObjectStore,
    lease: Lease[MediaResource],
    source: Source,
    target: str,
    resource: MediaResource,
) -> None:
    crash_point("relocation-source-chosen")
    lease.renew()  # a worker that lost its lease must not overwrite a verified copy
    store.copy(source.key, target, if_match=source.etag, headers=headers_for(resource))
    crash_point("relocation-copied")


def _verify(
    store: ObjectStore, lease: Lease[MediaResource], target: str, resource: MediaResource
) -> VerifiedCopy | None:
    """Read the canonical object back; None when it is missing or has other bytes."""
    try:
        head = store.head(target)
        crash_point("relocation-head-read")
        if head.size != resource.file_size:
            return None
        with (
            examined_file(
                store,
                head,
                content_type=resource.content_type,
                content_hash=resource.content_hash,
                on_chunk=lease.renew_if_old,
            ) as (checked, path),
            lease.renewing(),  # a decode may take longer than a lease
        ):
            decoded = inspect_file(path, resource.content_type)
            has_thumbnail = store_thumbnail(store, resource, path, before_put=lease.renew)
    except (ObjectNotFoundError, PreconditionFailedError):
        return None
    crash_point("relocation-verified")
    return VerifiedCopy(examined=checked, decoded=decoded, has_thumbnail=has_thumbnail)


def _become_ready(lease: Lease[MediaResource], resource_id: UUID, copy: VerifiedCopy) -> None:
    with transaction.atomic():
        resource = _locked(lease, resource_id)
        temporary_keys = _consume_uploads(Upload.objects.filter(resource_id=resource.pk))
        _set_unknown(resource, copy.decoded)
        resource.has_thumbnail = copy.has_thumbnail
        resource.storage_key, resource.etag = copy.examined.key, copy.examined.etag
        resource.status, resource.ready_at = ResourceStatus.READY, Now()
        resource.lease_holder = resource.lease_expires_at = None
        resource.save()
        deletions.queue(temporary_keys, reason=DeletionReason.RELOCATED)
        events.record(MediaAction.RESOURCE_READY, resource)
        crash_point("relocation-saved")
    crash_point("relocation-committed")


def _set_unknown(resource: MediaResource, decoded: MediaProperties) -> None:
    """Set the metadata that is still unknown; leave values that were set before."""
    for name in ("width", "height", "dominant_color", "color_profile", "duration"):
        if getattr(resource, name) is None:
            setattr(resource, name, getattr(decoded, name))


def _consume_uploads(uploads: QuerySet[Upload]) -> list[str]:
    """Mark the claimed uploads of a READY resource consumed; return their temporary keys."""
    rows = list(uploads.filter(state=UploadState.CLAIMED).order_by("key"))
    Upload.objects.filter(pk__in=[row.pk for row in rows]).update(
        state=UploadState.CONSUMED, updated_at=Now()
    )
    return [row.key for row in rows]


def _locked(lease: Lease[MediaResource], resource_id: UUID) -> MediaResource:
    """Lock the uploads by key, then the resource, in the order of ingest; require the lease."""
    list(
        Upload.objects.select_for_update(no_key=True)
        .filter(resource_id=resource_id)
        .order_by("key")
        .values_list("pk", flat=True)
    )
    return lease.require_held()


def _fail(lease: Lease[MediaResource], code: str) -> None:
    with transaction.atomic():
        resource = lease.require_held()
        if resource.ready_at is not None:  # its object was lost, and it could not be healed
            code = _LOSSES.get(code, code)
        resource.status, resource.failure_code = ResourceStatus.FAILED, code
        resource.lease_holder = resource.lease_expires_at = None
        resource.save()
        if resource.ready_at is None:
            deletions.queue(resource.own_keys, reason=DeletionReason.REJECTED)
        events.record(MediaAction.RESOURCE_FAILED, resource, code=code)
    log.warning(
        "resource_failed", resource_id=str(resource.pk), code=code, message=sentence_for(code)
    )
