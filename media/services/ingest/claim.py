"""The second half of ingest: uploads become resources of one scope, in one transaction.

Locks are always taken in the same order (the entity, uploads by key, new resources by hash, then
existing resources by hash), so requests for the same files wait for each other without deadlocks.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from accounts.models import OwnerScope
from media import deferred
from media.actions import MediaAction
from media.errors import FileNotFoundForCallerError
from media.models import DeletionReason, MediaResource, ResourceStatus, Upload, UploadState
from media.rules.file_types import content_types
from media.services import deletions, trash
from media.services.ingest.check import CheckResults
from media.services.ingest.duplicates import Version, version_of
from media.services.ingest.examine import ExaminedObject
from media.services.ingest.resolve import FileReference, Source, Sources, belongs_to, usable
from sartiq.core import events
from sartiq.core.errors import ContentionError, InvalidValuesError
from sartiq.core.models import new_id
from sartiq.core.work.crash_points import crash_point

Resources = Mapping[str, MediaResource]


@dataclass(frozen=True, kw_only=True)
class Checked:
    """The files of one request, which all passed the checks.

    `damaged` are resources whose stored object is missing or was replaced, noticed before or not:
    the new upload of the same bytes becomes their source.
    """

    scope: OwnerScope
    files: Sequence[FileReference]
    sources: Sources
    results: CheckResults
    damaged: Collection[Version]


def claim_all(checked: Checked, *, releasing: Collection[UUID] = ()) -> Resources:
    """Return the resource of each URL, creating missing ones, in the caller's transaction.

    `releasing` are the ids of resources the caller will detach; they are locked in the same order.
    Raises ContentionError when rows changed since they were checked, InvalidValuesError when an
    upload expired since.
    """
    transaction.on_commit(partial(crash_point, "committed"))
    scope, results = checked.scope, checked.results
    sources = _lock_uploads(checked)
    drafts = {
        source.key: _draft(scope, source, results)
        for source in sources.values()
        if source.resource is None or not belongs_to(source.resource, scope)
    }
    healed = _heal_lost(checked, drafts)
    resources = _insert_and_lock(scope, sources, drafts, set(releasing))
    repaired = _repair(sources.values(), resources, checked)
    _mark_uploads(sources.values(), resources, results)
    created = {row.pk for row in resources.values()} & {draft.pk for draft in drafts.values()}
    claimed = {row.pk: row for row in resources.values()}
    events.record_each(MediaAction.RESOURCE_CREATED, [claimed[pk] for pk in created])
    events.record_each(MediaAction.RESOURCE_REPAIRED, [claimed[pk] for pk in repaired | healed])
    for resource_id in created | repaired | healed:
        deferred.relocate(resource_id)
    return {url: resources[source.key] for url, source in sources.items()}


def _lock_uploads(checked: Checked) -> dict[str, Source]:
    """Lock the uploads and return each source as it is now."""
    sources = {url: source for url, source in checked.sources.items() if source}
    ids = [source.upload.pk for source in sources.values() if source.upload]
    rows = Upload.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=ids)
    locked = {row.pk: row for row in rows.select_related("resource").order_by("key")}
    expired = {pk for pk, row in locked.items() if row.state == UploadState.EXPIRED}
    issues = [
        FileNotFoundForCallerError().at(*file.loc, value=file.url)
        for file in checked.files
        if (upload := sources[file.url].upload) and upload.pk in expired
    ]
    if issues:
        raise InvalidValuesError(issues)
    return {url: _refreshed(source, locked) for url, source in sources.items()}


def _refreshed(source: Source, locked: Mapping[UUID, Upload]) -> Source:
    if source.upload is None:
        return source
    upload = locked[source.upload.pk]
    resource = usable(upload.resource)
    if resource is None and not source.is_fresh:
        raise ContentionError
    return Source(key=source.key, upload=upload, resource=resource)


def _draft(scope: OwnerScope, source: Source, results: CheckResults) -> MediaResource:
    owner = {"user_id": scope.user_id, "organization_id": scope.organization_id}
    if source.resource is not None:
        return MediaResource(id=new_id(), **owner, **_values_of_copy(source.resource))
    examined = results[source.key]
    if not isinstance(examined, ExaminedObject):
        raise TypeError(examined)
    return MediaResource(id=new_id(), **owner, **_values_of_object(examined))


def _values_of_object(examined: ExaminedObject) -> dict[str, object]:
    kind = content_types.FILE_TYPES[examined.content_type]
    return {
        "resource_type": kind.resource_type,
        "storage_key": examined.key,
        "content_hash": examined.content_hash,
        "etag": examined.etag,
        "content_type": examined.content_type,
        "extension": kind.extension,
        "file_size": examined.size,
        "width": examined.width,
        "height": examined.height,
    }


def _values_of_copy(resource: MediaResource) -> dict[str, object]:
    names = (
        "resource_type storage_key content_hash etag content_type extension file_size width height"
    )
    return {name: getattr(resource, name) for name in names.split()} | {
        "copied_from_id": resource.pk
    }


def _heal_lost(checked: Checked, drafts: Mapping[str, MediaResource]) -> set[UUID]:
    """Have lost resources relocated from the new bytes, instead of inserting other rows for them.

    Raises ContentionError when another request inserts one at the same time.
    """
    by_hash = {draft.content_hash: draft for draft in drafts.values()}
    damaged = [version.resource_id for version in checked.damaged]
    if not damaged or not by_hash:
        return set()
    owned = MediaResource.objects.in_scope(checked.scope).filter(content_hash__in=by_hash)
    rows = owned.lost().filter(pk__in=damaged).order_by("content_hash", "pk")
    lost = {row.content_hash: row for row in reversed(list(rows.select_for_update(no_key=True)))}
    every = MediaResource.with_deleted.in_scope(checked.scope).usable()  # deleted rows count
    same_bytes = every.filter(content_hash__in=by_hash)
    for digest in same_bytes.values_list("content_hash", flat=True):
        lost.pop(digest, None)
    try:
        with transaction.atomic():
            for digest, row in sorted(lost.items()):
                row.relocate_from(key=by_hash[digest].storage_key, etag=by_hash[digest].etag)
    except IntegrityError as error:
        raise ContentionError from error
    return {row.pk for row in lost.values()}


def _insert_and_lock(
    scope: OwnerScope,
    sources: Mapping[str, Source],
    drafts: Mapping[str, MediaResource],
    releasing: set[UUID],
) -> dict[str, MediaResource]:
    """Insert the new resources, lock and return one resource per content, by key."""
    by_hash = {draft.content_hash: draft for draft in drafts.values()}
    MediaResource.objects.bulk_create(
        [by_hash[digest] for digest in sorted(by_hash)], ignore_conflicts=True
    )
    digests = {source.key: _resource_of(source, drafts).content_hash for source in sources.values()}
    origins = {draft.copied_from_id for draft in drafts.values() if draft.copied_from_id}
    rows = _locked(scope, hashes=set(digests.values()), others=origins | releasing)
    existing = {row.content_hash: row for row in rows if belongs_to(row, scope)}
    # A resource has failed or been deleted since the check.
    if not existing.keys() >= set(digests.values()) or not origins <= {row.pk for row in rows}:
        raise ContentionError
    return {key: existing[digest] for key, digest in digests.items()}


def _locked(scope: OwnerScope, *, hashes: set[str], others: set[UUID]) -> list[MediaResource]:
    """Lock the scope's resources with these hashes, and others; return the usable ones.

    Deleted resources with these hashes are revived.
    """
    every = MediaResource.with_deleted
    owned = every.in_scope(scope).usable().filter(content_hash__in=hashes)
    rows = owned | every.filter(pk__in=others) if others else owned
    locked = list(rows.select_for_update(no_key=True).order_by("content_hash", "pk"))
    _restore_deleted(
        [row for row in locked if row.content_hash in hashes and belongs_to(row, scope)]
    )
    return [row for row in locked if usable(row)]


def _restore_deleted(locked: Iterable[MediaResource]) -> None:
    """Return the deleted ones among these resources from the trash, unless they have failed."""
    deleted = [row for row in locked if row.deleted_at and row.status != ResourceStatus.FAILED]
    if deleted:
        trash.return_from_trash(deleted)
    for row in deleted:
        row.deleted_at = None


def _resource_of(source: Source, drafts: Mapping[str, MediaResource]) -> MediaResource:
    resource = drafts.get(source.key) or source.resource
    if resource is None:
        raise TypeError(source)
    return resource


def _repair(
    sources: Iterable[Source], resources: Mapping[str, MediaResource], checked: Checked
) -> set[UUID]:
    """Have the damaged resources relocated again, from the fresh upload of their bytes."""
    repaired = set()
    for source in sources:
        resource, result = resources[source.key], checked.results.get(source.key)
        is_ready = resource.status == ResourceStatus.READY
        is_damaged = is_ready and version_of(resource) in checked.damaged
        if is_damaged and source.is_fresh and isinstance(result, ExaminedObject):
            resource.relocate_from(key=result.key, etag=result.etag)
            repaired.add(resource.pk)
    return repaired


def _mark_uploads(
    sources: Iterable[Source], resources: Mapping[str, MediaResource], results: CheckResults
) -> None:
    """Set the state of the fresh uploads; one that is already a resource is not changed."""
    fresh = {
        source.upload.pk: source.upload for source in sources if source.upload and source.is_fresh
    }
    for upload in fresh.values():
        examined = results[upload.key]
        upload.resource = resources[upload.key]
        upload.etag = examined.etag if isinstance(examined, ExaminedObject) else ""
        is_ready = upload.resource.status == ResourceStatus.READY
        upload.state = UploadState.CONSUMED if is_ready else UploadState.CLAIMED
        upload.updated_at = Now()
    Upload.objects.bulk_update(fresh.values(), ["resource", "etag", "state", "updated_at"])
    consumed_keys = [
        upload.key for upload in fresh.values() if upload.state == UploadState.CONSUMED
    ]
    deletions.queue(consumed_keys, reason=DeletionReason.DEDUPLICATED)
