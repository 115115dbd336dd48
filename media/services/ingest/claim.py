"""The writing half of ingest: uploads become resources of one scope, inside one transaction.

Locks are taken in one order everywhere (the entity, uploads by key, new resources by hash, then
existing resources by hash), so that requests naming the same files wait for each other and never in
a ring.
"""

from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

from django.db.models.functions import Now

from accounts.models import OwnerScope
from media import deferred
from media.models import DeletionReason, MediaResource, ResourceStatus, Upload, UploadState
from media.rules.file_types import content_types
from media.services import deletions
from media.services.ingest.check import Verdicts
from media.services.ingest.duplicates import Version, version_of
from media.services.ingest.examine import Examined
from media.services.ingest.resolve import Source, Sources, belongs_to, usable
from sartiq.core.models import new_id


class ClaimRaceError(Exception):
    """Raised when rows changed between looking and writing: look again."""


class UploadVanishedError(Exception):
    """Raised when an upload expired between looking and writing."""

    def __init__(self, urls: frozenset[str]) -> None:
        super().__init__()
        self.urls = urls


def claim_all(
    *,
    scope: OwnerScope,
    named: Sources,
    verdicts: Verdicts,
    left: Collection[UUID] = (),
    damaged: Collection[Version] = (),
) -> dict[str, MediaResource]:
    """Return the resource of each URL in `scope`, made where there was none.

    `left` are resources the caller will change as well; they are locked in the same order.
    `damaged` are those whose object is gone: a fresh upload becomes their source. Runs inside the
    caller's transaction. Raises ClaimRaceError when rows changed since they were looked
    at, UploadVanishedError when an upload was swept meanwhile.
    """
    sources = _current({url: source for url, source in named.items() if source})
    drafts = {
        source.key: _draft(scope, source, verdicts)
        for source in sources.values()
        if source.known is None or not belongs_to(source.known, scope)
    }
    kept = _keep(scope, sources, drafts, set(left))
    healed = _heal(sources.values(), kept, verdicts, damaged)
    _settle_uploads(sources.values(), kept, verdicts)
    made = {row.pk for row in kept.values()} & {draft.pk for draft in drafts.values()}
    for resource_id in made | healed:
        deferred.relocate(resource_id)
    return {url: kept[source.key] for url, source in sources.items()}


def _current(sources: dict[str, Source]) -> dict[str, Source]:
    """Lock the uploads and see what became of them since they were looked at."""
    ids = [source.upload.pk for source in sources.values() if source.upload]
    rows = Upload.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=ids)
    locked = {row.pk: row for row in rows.select_related("resource").order_by("key")}
    gone = frozenset(
        url
        for url, source in sources.items()
        if source.upload and locked[source.upload.pk].state == UploadState.EXPIRED
    )
    if gone:
        raise UploadVanishedError(gone)
    return {url: _refreshed(source, locked) for url, source in sources.items()}


def _refreshed(source: Source, locked: Mapping[UUID, Upload]) -> Source:
    if source.upload is None:
        return source
    upload = locked[source.upload.pk]
    known = usable(upload.resource)
    if known is None and not source.is_fresh:
        raise ClaimRaceError
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


def _keep(
    scope: OwnerScope,
    sources: dict[str, Source],
    drafts: dict[str, MediaResource],
    left: set[UUID],
) -> dict[str, MediaResource]:
    """Insert what is new, lock and return what stands: one resource per content and scope."""
    by_hash = {draft.content_hash: draft for draft in drafts.values()}
    MediaResource.objects.bulk_create(
        [by_hash[digest] for digest in sorted(by_hash)], ignore_conflicts=True
    )
    digests = {source.key: _expected(source, drafts).content_hash for source in sources.values()}
    origins = {draft.copied_from_id for draft in drafts.values() if draft.copied_from_id}
    rows = _locked(scope, hashes=set(digests.values()), others=origins | left)
    standing = {row.content_hash: row for row in rows if belongs_to(row, scope)}
    # One failed or was swept a moment ago.
    if not standing.keys() >= set(digests.values()) or not origins <= {row.pk for row in rows}:
        raise ClaimRaceError
    return {key: standing[digest] for key, digest in digests.items()}


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


def _heal(
    sources: Iterable[Source],
    kept: Mapping[str, MediaResource],
    verdicts: Verdicts,
    damaged: Collection[Version],
) -> set[UUID]:
    """Send the damaged resources through relocation again, from the fresh upload of their bytes."""
    healed = set()
    for source in sources:
        resource, checked = kept[source.key], verdicts.get(source.key)
        is_damaged = resource.status == ResourceStatus.READY and version_of(resource) in damaged
        if is_damaged and source.is_fresh and isinstance(checked, Examined):
            resource.relocate_from(key=checked.key, etag=checked.etag)
            healed.add(resource.pk)
    return healed


def _settle_uploads(
    sources: Iterable[Source], kept: Mapping[str, MediaResource], verdicts: Verdicts
) -> None:
    """Say what became of the fresh uploads; one that already became a resource stays as it is."""
    fresh = {
        source.upload.pk: source.upload for source in sources if source.upload and source.is_fresh
    }
    for upload in fresh.values():
        found = verdicts[upload.key]
        upload.resource = kept[upload.key]
        upload.etag = found.etag if isinstance(found, Examined) else ""
        is_ready = upload.resource.status == ResourceStatus.READY
        upload.state = UploadState.CONSUMED if is_ready else UploadState.CLAIMED
        upload.updated_at = Now()
    Upload.objects.bulk_update(fresh.values(), ["resource", "etag", "state", "updated_at"])
    useless = [each.key for each in fresh.values() if each.state == UploadState.CONSUMED]
    deletions.queue(useless, reason=DeletionReason.DEDUPLICATED)
