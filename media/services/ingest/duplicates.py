"""Check of the stored object of a READY resource, before a new upload of its bytes is deleted.

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
from media.services.ingest.check import MAX_DOWNLOADS
from media.storage import ObjectStore


@dataclass(frozen=True, kw_only=True)
class Version:
    """A resource as of one relocation; a later relocation has another `ready_at`."""

    resource_id: UUID
    ready_at: datetime | None


def version_of(resource: MediaResource) -> Version:
    """Return the current version of a resource."""
    return Version(resource_id=resource.pk, ready_at=resource.ready_at)


def find_damaged(
    store: ObjectStore, *, scope: OwnerScope, hashes: Collection[str]
) -> frozenset[Version]:
    """Return the READY resources with these hashes whose object is missing or was replaced.

    Raises StoreUnavailableError when the store does not answer.
    """
    if not hashes:
        return frozenset()
    rows = MediaResource.objects.in_scope(scope).filter(
        status=ResourceStatus.READY, content_hash__in=hashes
    )
    ready = list(rows.only("pk", "storage_key", "etag", "file_size", "ready_at"))
    if not ready:
        return frozenset()
    with ThreadPoolExecutor(max_workers=min(MAX_DOWNLOADS, len(ready))) as pool:
        intact = list(pool.map(lambda row: _is_intact(store, row), ready))
    return frozenset(
        version_of(row) for row, is_intact in zip(ready, intact, strict=True) if not is_intact
    )


def _is_intact(store: ObjectStore, resource: MediaResource) -> bool:
    try:
        head = store.head(resource.storage_key)
    except ObjectNotFoundError:
        return False
    return (head.size, head.etag) == (resource.file_size, resource.etag)
