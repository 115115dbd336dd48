"""Resolution of the URLs in a request to uploads and resources, with two queries in total."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from accounts.models import OwnerScope, User, live_or_none
from media import selectors
from media.models import MediaResource, ResourceStatus, Upload
from media.rules import keys
from media.rules.addresses import object_urls as urls
from sartiq.core.errors import Loc


@dataclass(frozen=True, kw_only=True)
class FileReference:
    """One URL in a request, and its location in the request body."""

    loc: Loc
    url: str


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a URL refers to: a new upload, or a resource that has the bytes already."""

    key: str
    upload: Upload | None = None
    resource: MediaResource | None = None

    @property
    def is_fresh(self) -> bool:
        """Whether the bytes still have to be checked."""
        return self.resource is None


SourcesByUrl = dict[str, Source | None]


def resolve(*, user: User, scope: OwnerScope, urls: Sequence[str]) -> SourcesByUrl:
    """Return the source of each URL; None if the caller may not use what it refers to.

    The caller must be allowed to act in `scope`. Unknown and expired files, and those of other
    owners, give the same result after the same queries.
    """
    keys_by_url = {url: _key(url) for url in urls}
    requested_keys = {key for key in keys_by_url.values() if key}
    if not requested_keys:
        return dict.fromkeys(urls)
    sources = _uploads(user, scope, requested_keys) | _resources(user, requested_keys)
    return {url: sources.get(key) if key else None for url, key in keys_by_url.items()}


def refusals(*, user: User, scope: OwnerScope, urls: Collection[str]) -> dict[str, str]:
    """Return the error codes of the caller's rejected uploads, by URL."""
    keys_by_url = {url: key for url in urls if (key := _key(url))}
    if not keys_by_url:
        return {}
    rows = (
        Upload.objects.accessible_to(user, scope)
        .refused()
        .filter(key__among=set(keys_by_url.values()))
    )
    codes = dict(rows.values_list("key", "refusal"))
    return {url: codes[key] for url, key in keys_by_url.items() if key in codes}


def belongs_to(resource: MediaResource, scope: OwnerScope) -> bool:
    """Return whether a resource belongs to this owner scope."""
    if scope.organization_id is not None:
        return resource.organization_id == scope.organization_id
    return resource.organization_id is None and resource.user_id == scope.user_id


def usable(resource: MediaResource | None) -> MediaResource | None:
    """Return the resource, or None if it has failed or is deleted."""
    resource = live_or_none(resource)
    if resource is None or resource.status == ResourceStatus.FAILED:
        return None
    return resource


def _key(url: str) -> str | None:
    return urls.key_in_url(url, bases=selectors.public_base_urls())


def _uploads(user: User, scope: OwnerScope, requested_keys: set[str]) -> dict[str, Source | None]:
    uploads = Upload.objects.ingestable_by(user, scope).filter(key__among=requested_keys)
    rows = uploads.select_related("resource")
    return {row.key: Source(key=row.key, upload=row, resource=usable(row.resource)) for row in rows}


def _resources(user: User, requested_keys: set[str]) -> dict[str, Source | None]:
    ids: list[UUID] = [
        resource_id for key in requested_keys if (resource_id := keys.resource_id_of(key))
    ]
    rows = MediaResource.objects.visible_to(user).usable().filter(pk__among=ids)
    by_key = {keys.canonical_key(row.pk, row.extension): row for row in rows}
    return {
        key: Source(key=key, resource=row) for key, row in by_key.items() if key in requested_keys
    }
