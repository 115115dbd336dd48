"""Check of the stored objects of resources with the same bytes, before a new upload is deleted.

An object can be lost while its row exists (a lifecycle rule, a restored bucket, a wrong command).
The new upload is then the only copy, so it must become the source of the resource.
"""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.models import OwnerScope
from media.errors import ObjectNotFoundError
from media.models import MediaResource, ResourceStatus
from media.services.ingest.check import MAX_PARALLEL_STORE_CALLS
from media.storage import ObjectStore
from sartiq.core.limits.request_limits import map_in_threads


@dataclass(frozen=True, kw_only=True)
class Version:
    """A resource as of one relocation; a later relocation has another `ready_at`."""

    resource_id: UUID
    ready_at: datetime | None


def version_of(resource: MediaResource) -> Version:
    """Return the current version of a resource."""
    return Version(resource_id=resource.pk, ready_at=resource.ready_at)


def find_without_object(
    store: ObjectStore, *, scope: OwnerScope, hashes: Collection[str]
) -> frozenset[Version]:
    """Return the resources with these hashes whose object is missing or was replaced.

    Lost ones are FAILED, because that was noticed before; damaged ones are READY, deleted or not.
    Raises StoreUnavailableError when the store does not respond.
    """
    if not hashes:
        return frozenset()
    owned = MediaResource.with_deleted.in_scope(scope).filter(content_hash__in=hashes)
    fields = ("pk", "status", "storage_key", "etag", "file_size", "ready_at")
    rows = list((owned.ready() | owned.lost()).only(*fields))
    ready = [row for row in rows if row.status == ResourceStatus.READY]
    lost = frozenset(version_of(row) for row in rows if row.status != ResourceStatus.READY)
    if not ready:
        return lost
    with ThreadPoolExecutor(max_workers=min(MAX_PARALLEL_STORE_CALLS, len(ready))) as pool:
        intact = map_in_threads(pool, lambda row: _is_intact(store, row), ready)
    damaged = [row for row, is_intact in zip(ready, intact, strict=True) if not is_intact]
    return lost.union(map(version_of, damaged))


def _is_intact(store: ObjectStore, resource: MediaResource) -> bool:
    try:
        head = store.head(resource.storage_key)
    except ObjectNotFoundError:
        return False
    return (head.size, head.etag) == (resource.file_size, resource.etag)
