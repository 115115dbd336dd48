"""Finding what each URL of a request names, for this caller: two queries for any number."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from accounts.models import OwnerScope, User
from media import selectors
from media.models import MediaResource, ResourceStatus, Upload
from media.rules import keys
from media.rules.addresses import object_urls as urls
from sartiq.core.errors import Loc


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One URL a request names, and where it stands in the request."""

    loc: Loc
    url: str


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the bytes of one URL are: a fresh upload, or a resource that has them already."""

    key: str
    upload: Upload | None = None
    known: MediaResource | None = None

    @property
    def is_fresh(self) -> bool:
        """Whether the bytes still have to be inspected."""
        return self.known is None


Sources = dict[str, Source | None]


def resolve(*, user: User, scope: OwnerScope, urls: Sequence[str]) -> Sources:
    """Return the source of each URL; None for one that names nothing the caller may use.

    `scope` is where the caller acts, and may. Unknown, foreign and expired are one and the same
    answer after the same queries.
    """
    named = {url: _key(url) for url in urls}
    wanted = {key for key in named.values() if key}
    if not wanted:
        return dict.fromkeys(urls)
    found = _uploads(user, scope, wanted) | _resources(user, wanted)
    return {url: found.get(key) if key else None for url, key in named.items()}


def refusals(*, user: User, scope: OwnerScope, urls: Collection[str]) -> dict[str, str]:
    """Return why uploads of the caller's were refused, by URL: they resolve to nothing since."""
    named = {url: key for url in urls if (key := _key(url))}
    if not named:
        return {}
    rows = (
        Upload.objects.accessible_to(user, scope).refused().filter(key__among=set(named.values()))
    )
    codes = dict(rows.values_list("key", "refusal"))
    return {url: codes[key] for url, key in named.items() if key in codes}


def belongs_to(resource: MediaResource, scope: OwnerScope) -> bool:
    """Return whether a resource is of this owner scope."""
    if scope.organization_id is not None:
        return resource.organization_id == scope.organization_id
    return resource.organization_id is None and resource.user_id == scope.user_id


def usable(resource: MediaResource | None) -> MediaResource | None:
    """Return the resource when it is or will be a good file."""
    if resource is None or resource.status == ResourceStatus.FAILED:
        return None
    return resource


def _key(url: str) -> str | None:
    return urls.key_in_url(url, bases=selectors.our_bases())


def _uploads(user: User, scope: OwnerScope, wanted: set[str]) -> dict[str, Source | None]:
    mine = Upload.objects.ingestable_by(user, scope).filter(key__among=wanted)
    rows = mine.select_related("resource")
    return {row.key: Source(key=row.key, upload=row, known=usable(row.resource)) for row in rows}


def _resources(user: User, wanted: set[str]) -> dict[str, Source | None]:
    ids: list[UUID] = [found for key in wanted if (found := keys.resource_id_of(key))]
    rows = MediaResource.objects.visible_to(user).usable().filter(pk__among=ids)
    by_key = {keys.canonical_key(row.pk, row.extension): row for row in rows}
    return {key: Source(key=key, known=row) for key, row in by_key.items() if key in wanted}
