"""Checking the stored object of a READY resource before new bytes are dropped in its favour.

A row can outlive its object (a lifecycle rule, a restored bucket, a wrong command). The new upload
is then the only copy, so it must become the source of the resource instead of being deleted.
"""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.models import OwnerScope
from media.errors import ObjectNotFoundError
from media.models import MediaResource, ResourceStatus
from media.services.ingest.check import AT_ONCE
from media.storage import ObjectStore


@dataclass(frozen=True, kw_only=True)
class Version:
    """One READY state of one resource; a relocation since then has another `ready_at`."""

    resource_id: UUID
    ready_at: datetime | None


def version_of(resource: MediaResource) -> Version:
    """Return the state the resource is in."""
    return Version(resource_id=resource.pk, ready_at=resource.ready_at)


def find_damaged(
    store: ObjectStore, *, scope: OwnerScope, hashes: Collection[str]
) -> frozenset[Version]:
    """Return the READY resources of these contents whose object is missing or another one.

    Raises StoreUnavailableError when the store does not say.
    """
    if not hashes:
        return frozenset()
    rows = MediaResource.objects.in_scope(scope).filter(
        status=ResourceStatus.READY, content_hash__in=hashes
    )
    ready = list(rows.only("pk", "storage_key", "etag", "file_size", "ready_at"))
    if not ready:
        return frozenset()
    with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(ready))) as pool:
        intact = list(pool.map(lambda row: _is_intact(store, row), ready))
    return frozenset(version_of(row) for row, good in zip(ready, intact, strict=True) if not good)


def _is_intact(store: ObjectStore, resource: MediaResource) -> bool:
    try:
        head = store.head(resource.storage_key)
    except ObjectNotFoundError:
        return False
    return (head.size, head.etag) == (resource.file_size, resource.etag)
