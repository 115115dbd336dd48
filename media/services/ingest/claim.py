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
from media import enqueue
from media.actions import MediaAction
from media.errors import FileNotFoundForCallerError
from media.models import DeletionReason, MediaResource, ResourceStatus, Upload, UploadState
from media.rules import keys
from media.rules.file_types import content_types
from media.services import deletions, trash
from media.services.ingest.check import ResultsByKey
from media.services.ingest.duplicates import Version, version_of
from media.services.ingest.examine import ExaminedObject
from media.services.ingest.resolve import FileReference, Source, SourcesByUrl, belongs_to, usable
from sartiq.core import events
from sartiq.core.errors import ContentionError, InvalidValuesError
from sartiq.core.models import new_id
from sartiq.core.work.crash_points import crash_point

ResourcesByUrl = Mapping[str, MediaResource]


@dataclass(frozen=True, kw_only=True)
class CheckedFiles:
    """The files of one request, which all passed the checks.

    `without_object` are resources whose stored object is missing or was replaced, so that the new
    upload of the same bytes becomes their source. They are *lost* if this was noticed before, which
    made them FAILED, or *damaged* if it was noticed now, while they are READY.
    """

    scope: OwnerScope
    files: Sequence[FileReference]
    sources_by_url: SourcesByUrl
    results_by_key: ResultsByKey
    without_object: Collection[Version]


def claim_all(checked: CheckedFiles, *, releasing: Collection[UUID] = ()) -> ResourcesByUrl:
    """Return the resource of each URL, creating missing ones, in the caller's transaction.

    `releasing` are the ids of resources the caller will detach; they are locked in the same order.
    Raises ContentionError when rows changed since they were checked, InvalidValuesError when an
    upload expired since.
    """
    transaction.on_commit(partial(crash_point, "committed"))
    sources_by_url = _lock_uploads(checked)
    sources = list(sources_by_url.values())
    drafts_by_key = {
        source.key: _draft(checked, source)
        for source in sources
        if source.resource is None or not belongs_to(source.resource, checked.scope)
    }
    relocated_ids = _relocate_lost(checked, drafts_by_key.values())
    resources_by_key = _insert_and_lock(checked.scope, sources, drafts_by_key, set(releasing))
    relocated_ids |= _relocate_damaged(checked, sources, resources_by_key)
    _mark_uploads(checked, sources, resources_by_key)
    resources_by_id = {resource.pk: resource for resource in resources_by_key.values()}
    created_ids = resources_by_id.keys() & {draft.pk for draft in drafts_by_key.values()}
    events.record_each(MediaAction.RESOURCE_CREATED, [resources_by_id[pk] for pk in created_ids])
    events.record_each(MediaAction.RESOURCE_REPAIRED, [resources_by_id[pk] for pk in relocated_ids])
    for resource_id in created_ids | relocated_ids:
        enqueue.relocate(resource_id)
    return {url: resources_by_key[source.key] for url, source in sources_by_url.items()}


def _lock_uploads(checked: CheckedFiles) -> dict[str, Source]:
    """Lock the uploads and return each source as it is now."""
    sources_by_url = {url: source for url, source in checked.sources_by_url.items() if source}
    ids = [source.upload.pk for source in sources_by_url.values() if source.upload]
    rows = Upload.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=ids)
    uploads_by_id = {row.pk: row for row in rows.select_related("resource").order_by("key")}
    expired = {pk for pk, upload in uploads_by_id.items() if upload.state == UploadState.EXPIRED}
    issues = [
        FileNotFoundForCallerError().at(*file.loc, value=file.url)
        for file in checked.files
        if (upload := sources_by_url[file.url].upload) and upload.pk in expired
    ]
    if issues:
        raise InvalidValuesError(issues)
    return {url: _refreshed(source, uploads_by_id) for url, source in sources_by_url.items()}


def _refreshed(source: Source, uploads_by_id: Mapping[UUID, Upload]) -> Source:
    if source.upload is None:
        return source
    upload = uploads_by_id[source.upload.pk]
    resource = usable(upload.resource)
    if resource is None and not source.is_fresh:
        raise ContentionError
    return Source(key=source.key, upload=upload, resource=resource)


def _draft(checked: CheckedFiles, source: Source) -> MediaResource:
    """Return the unsaved resource of a new upload, or of a resource of another owner."""
    scope = checked.scope
    owner = {"user_id": scope.user_id, "organization_id": scope.organization_id}
    if source.resource is not None:
        values = _values_of_copy(source.resource)
    else:
        examined = checked.results_by_key[source.key]
        if not isinstance(examined, ExaminedObject):
            raise TypeError(examined)
        values = _values_of_object(examined)
    return MediaResource(id=new_id(), filename=_filename_of(source), **owner, **values)


def _filename_of(source: Source) -> str:
    """Return the name of the upload that the caller refers to, else that of the resource."""
    if source.upload is not None:
        return keys.base_name(source.upload.filename)
    return source.resource.filename if source.resource else ""


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


def _relocate_lost(checked: CheckedFiles, drafts: Iterable[MediaResource]) -> set[UUID]:
    """Have lost resources relocated from the new bytes, instead of inserting other rows for them.

    Raises ContentionError when another request inserts one at the same time.
    """
    drafts_by_hash = {draft.content_hash: draft for draft in drafts}
    candidates = [version.resource_id for version in checked.without_object]
    if not candidates or not drafts_by_hash:
        return set()
    owned = MediaResource.objects.in_scope(checked.scope).filter(content_hash__in=drafts_by_hash)
    rows = owned.lost().filter(pk__in=candidates).order_by("content_hash", "pk")
    lost_by_hash: dict[str, MediaResource] = {}
    for row in rows.select_for_update(no_key=True):
        lost_by_hash.setdefault(row.content_hash, row)  # the oldest: ids begin with the time
    every = MediaResource.with_deleted.in_scope(checked.scope).usable()  # deleted rows count
    usable_rows = every.filter(content_hash__in=drafts_by_hash)
    for content_hash in usable_rows.values_list("content_hash", flat=True):
        lost_by_hash.pop(content_hash, None)  # the usable row is claimed instead
    try:
        with transaction.atomic():
            for content_hash, row in sorted(lost_by_hash.items()):
                draft = drafts_by_hash[content_hash]
                row.relocate_from(key=draft.storage_key, etag=draft.etag)
    except IntegrityError as error:
        raise ContentionError from error
    return {row.pk for row in lost_by_hash.values()}


def _relocate_damaged(
    checked: CheckedFiles, sources: Iterable[Source], resources_by_key: Mapping[str, MediaResource]
) -> set[UUID]:
    """Have damaged resources relocated again, from the new upload of their bytes."""
    relocated = set()
    for source in sources:
        resource = resources_by_key[source.key]
        result = checked.results_by_key.get(source.key)
        is_ready = resource.status == ResourceStatus.READY
        is_damaged = is_ready and version_of(resource) in checked.without_object
        if is_damaged and source.is_fresh and isinstance(result, ExaminedObject):
            resource.relocate_from(key=result.key, etag=result.etag)
            relocated.add(resource.pk)
    return relocated


def _insert_and_lock(
    scope: OwnerScope,
    sources: Collection[Source],
    drafts_by_key: Mapping[str, MediaResource],
    releasing: set[UUID],
) -> dict[str, MediaResource]:
    """Insert the new resources, lock and return one resource per content, by key."""
    # Of uploads with the same bytes, the first gives the resource its name.
    drafts = reversed(list(drafts_by_key.values()))
    drafts_by_hash = {draft.content_hash: draft for draft in drafts}
    MediaResource.objects.bulk_create(
        [drafts_by_hash[content_hash] for content_hash in sorted(drafts_by_hash)],
        ignore_conflicts=True,
    )
    hashes_by_key = {
        source.key: _resource_of(source, drafts_by_key).content_hash for source in sources
    }
    hashes = set(hashes_by_key.values())
    copied = {draft.copied_from_id for draft in drafts_by_key.values() if draft.copied_from_id}
    rows = _locked(scope, hashes=hashes, others=copied | releasing)
    resources_by_hash = {row.content_hash: row for row in rows if belongs_to(row, scope)}
    # A resource has failed or been deleted since the check.
    if not resources_by_hash.keys() >= hashes or not copied <= {row.pk for row in rows}:
        raise ContentionError
    return {key: resources_by_hash[content_hash] for key, content_hash in hashes_by_key.items()}


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


def _resource_of(source: Source, drafts_by_key: Mapping[str, MediaResource]) -> MediaResource:
    resource = drafts_by_key.get(source.key) or source.resource
    if resource is None:
        raise TypeError(source)
    return resource


def _mark_uploads(
    checked: CheckedFiles, sources: Iterable[Source], resources_by_key: Mapping[str, MediaResource]
) -> None:
    """Set the state of the fresh uploads; one that is already a resource is not changed."""
    fresh_by_id = {
        source.upload.pk: source.upload for source in sources if source.upload and source.is_fresh
    }
    fresh = fresh_by_id.values()
    for upload in fresh:
        examined = checked.results_by_key[upload.key]
        upload.resource = resources_by_key[upload.key]
        upload.etag = examined.etag if isinstance(examined, ExaminedObject) else ""
        is_ready = upload.resource.status == ResourceStatus.READY
        upload.state = UploadState.CONSUMED if is_ready else UploadState.CLAIMED
        upload.updated_at = Now()
    Upload.objects.bulk_update(fresh, ["resource", "etag", "state", "updated_at"])
    consumed_keys = [upload.key for upload in fresh if upload.state == UploadState.CONSUMED]
    deletions.queue(consumed_keys, reason=DeletionReason.DEDUPLICATED)
