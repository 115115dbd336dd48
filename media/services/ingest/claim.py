"""The writing half of ingest: uploads become resources of one scope, inside one transaction.

Locks are taken in one order everywhere (the entity, uploads by key, new resources by hash, then
existing resources by hash), so that requests naming the same files wait for each other and never in
a ring.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from accounts.models import OwnerScope
from media import deferred
from media.errors import FileNotFoundForCallerError
from media.models import DeletionReason, MediaResource, ResourceStatus, Upload, UploadState
from media.rules.file_types import content_types
from media.services import deletions
from media.services.ingest.check import Verdicts
from media.services.ingest.duplicates import Version, version_of
from media.services.ingest.examine import Examined
from media.services.ingest.resolve import Source, Sources, Wanted, belongs_to, usable
from sartiq.core.errors import ContentionError, InvalidManyError
from sartiq.core.models import new_id
from sartiq.core.work.crash_points import crash_point

Resources = Mapping[str, MediaResource]


@dataclass(frozen=True, kw_only=True)
class Checked:
    """The files of one request, checked and found good.

    `damaged` are the stored duplicates whose object is gone: a fresh upload becomes their source.
    """

    scope: OwnerScope
    wanted: Sequence[Wanted]
    sources: Sources
    verdicts: Verdicts
    damaged: Collection[Version]


def claim_all(checked: Checked, *, releasing: Collection[UUID] = ()) -> Resources:
    """Return the resource of each URL, created where there was none, in the caller's transaction.

    `releasing` are the ids of resources the caller will detach; they are locked in the same order.
    Raises ContentionError when rows changed since they were checked, InvalidManyError when an
    upload expired since.
    """
    transaction.on_commit(partial(crash_point, "committed"))
    scope, verdicts = checked.scope, checked.verdicts
    sources = _lock_uploads(checked)
    drafts = {
        source.key: _draft(scope, source, verdicts)
        for source in sources.values()
        if source.known is None or not belongs_to(source.known, scope)
    }
    resources = _insert_and_lock(scope, sources, drafts, set(releasing))
    repaired = _repair(sources.values(), resources, checked)
    _mark_uploads(sources.values(), resources, verdicts)
    created = {row.pk for row in resources.values()} & {draft.pk for draft in drafts.values()}
    for resource_id in created | repaired:
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
        FileNotFoundForCallerError().at(*each.loc, value=each.url)
        for each in checked.wanted
        if (upload := sources[each.url].upload) and upload.pk in expired
    ]
    if issues:
        raise InvalidManyError(issues)
    return {url: _refreshed(source, locked) for url, source in sources.items()}


def _refreshed(source: Source, locked: Mapping[UUID, Upload]) -> Source:
    if source.upload is None:
        return source
    upload = locked[source.upload.pk]
    known = usable(upload.resource)
    if known is None and not source.is_fresh:
        raise ContentionError
    return Source(key=source.key, upload=upload, known=known)


def _draft(scope: OwnerScope, source: Source, verdicts: Verdicts) -> MediaResource:
    owner = {"user_id": scope.user_id, "organization_id": scope.organization_id}
    if source.known is not None:
        return MediaResource(id=new_id(), **owner, **_copied_facts(source.known))
    found = verdicts[source.key]
    if not isinstance(found, Examined):
        raise TypeError(found)
    return MediaResource(id=new_id(), **owner, **_found_facts(found))


def _found_facts(found: Examined) -> dict[str, object]:
    kind = content_types.FILE_TYPES[found.content_type]
    return {
        "resource_type": kind.resource_type,
        "storage_key": found.key,
        "content_hash": found.content_hash,
        "etag": found.etag,
        "content_type": found.content_type,
        "extension": kind.extension,
        "file_size": found.size,
        "width": found.width,
        "height": found.height,
    }


def _copied_facts(known: MediaResource) -> dict[str, object]:
    same = (
        "resource_type storage_key content_hash etag content_type extension file_size width height"
    )
    return {name: getattr(known, name) for name in same.split()} | {"copied_from_id": known.pk}


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
    digests = {source.key: _expected(source, drafts).content_hash for source in sources.values()}
    origins = {draft.copied_from_id for draft in drafts.values() if draft.copied_from_id}
    rows = _locked(scope, hashes=set(digests.values()), others=origins | releasing)
    existing = {row.content_hash: row for row in rows if belongs_to(row, scope)}
    # One failed or was deleted a moment ago.
    if not existing.keys() >= set(digests.values()) or not origins <= {row.pk for row in rows}:
        raise ContentionError
    return {key: existing[digest] for key, digest in digests.items()}


def _locked(scope: OwnerScope, *, hashes: set[str], others: set[UUID]) -> list[MediaResource]:
    """Lock the scope's resources of these contents, and others; return the usable ones."""
    mine = MediaResource.objects.in_scope(scope).usable().filter(content_hash__in=hashes)
    rows = mine | MediaResource.objects.filter(pk__in=others) if others else mine
    locked = rows.select_for_update(no_key=True).order_by("content_hash", "pk")
    return [row for row in locked if usable(row)]


def _expected(source: Source, drafts: Mapping[str, MediaResource]) -> MediaResource:
    expected = drafts.get(source.key) or source.known
    if expected is None:
        raise TypeError(source)
    return expected


def _repair(
    sources: Iterable[Source], resources: Mapping[str, MediaResource], checked: Checked
) -> set[UUID]:
    """Have the damaged resources relocated again, from the fresh upload of their bytes."""
    repaired = set()
    for source in sources:
        resource, verdict = resources[source.key], checked.verdicts.get(source.key)
        is_ready = resource.status == ResourceStatus.READY
        is_damaged = is_ready and version_of(resource) in checked.damaged
        if is_damaged and source.is_fresh and isinstance(verdict, Examined):
            resource.relocate_from(key=verdict.key, etag=verdict.etag)
            repaired.add(resource.pk)
    return repaired


def _mark_uploads(
    sources: Iterable[Source], resources: Mapping[str, MediaResource], verdicts: Verdicts
) -> None:
    """Set the state of the fresh uploads; one that already became a resource stays as it is."""
    fresh = {
        source.upload.pk: source.upload for source in sources if source.upload and source.is_fresh
    }
    for upload in fresh.values():
        found = verdicts[upload.key]
        upload.resource = resources[upload.key]
        upload.etag = found.etag if isinstance(found, Examined) else ""
        is_ready = upload.resource.status == ResourceStatus.READY
        upload.state = UploadState.CONSUMED if is_ready else UploadState.CLAIMED
        upload.updated_at = Now()
    Upload.objects.bulk_update(fresh.values(), ["resource", "etag", "state", "updated_at"])
    useless = [each.key for each in fresh.values() if each.state == UploadState.CONSUMED]
    deletions.queue(useless, reason=DeletionReason.DEDUPLICATED)
