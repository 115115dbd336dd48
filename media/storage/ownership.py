"""Environment markers of both buckets, and adoption of buckets of another environment."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from django.conf import settings

from media.errors import ForeignEnvironmentError
from media.models import MediaResource, Upload, created_identity
from media.rules import keys
from media.rules.environment import UNMARKED, Identity, differences
from media.storage.contract import ObjectStore
from media.storage.factory import private_store, public_store
from media.storage.marker import mark, marker_of

Ask = Callable[[str, str], bool]

_SAMPLE: Final = 10_000  # objects checked before a bucket counts as unknown to this database
_BATCH: Final = 500
_OURS: Final = frozenset({keys.KeyKind.CANONICAL, keys.KeyKind.THUMBNAIL, keys.KeyKind.TEMP})


def mark_buckets(*, adopt: Ask | None, dry_run: bool) -> Iterator[str]:
    """Mark each bucket that is unmarked or has our marker of an older version.

    A bucket of another environment is adopted only when `adopt` returns True for its name and its
    old identity. Raises ForeignEnvironmentError.
    """
    if dry_run:
        yield f"Would mark both buckets as {settings.ENVIRONMENT_NAME} unless marked."
        return
    own = created_identity()
    yield _marked(settings.R2_BUCKET_NAME, public_store(), own, adopt)
    yield _marked(settings.R2_PRIVATE_BUCKET_NAME, private_store(), own, adopt)


def _marked(name: str, store: ObjectStore, own: Identity, adopt: Ask | None) -> str:
    marker = marker_of(store)
    if marker == own:
        return f"{name} is marked as {own.environment}."
    reason = _reason_to_ask(store, marker, own)
    if reason is None:
        mark(store, own)
        return f"Marked {name} as {own.environment}."
    old = str(marker or UNMARKED)
    if adopt is None or not adopt(name, old):
        message = (
            f"{name} is marked as {old}, this is {own}: {reason}. If the bucket belongs to this"
            f" environment after a move or a restore: manage.py setup_bucket --adopt {old}"
        )
        raise ForeignEnvironmentError(message)
    mark(store, own)
    return f"Adopted {name}: it was {old} and is {own} now."


def _reason_to_ask(store: ObjectStore, marker: Identity | None, own: Identity) -> str | None:
    """Return why marking needs a confirmation, None when the bucket may be ours."""
    if marker is not None and (marker.is_complete or marker.environment != own.environment):
        return "; ".join(differences(marker, own))
    if _holds_only_unknown(store):
        return "no row of this database names any object in it"
    return None


def _holds_only_unknown(store: ObjectStore) -> bool:
    """Return whether the bucket has objects with our keys, but none that this database knows."""
    has_objects = False
    for prefix in ("media/", "temp/"):
        listed = store.list(prefix, limit=_SAMPLE)
        while page := list(islice(listed, _BATCH)):
            names = [each.key for each in page if keys.classify(each.key) in _OURS]
            if _any_known(names):
                return False
            has_objects = has_objects or bool(names)
    return has_objects


def _any_known(names: list[str]) -> bool:
    ids = {pk for name in names if (pk := keys.resource_id_of(name))}
    resources = MediaResource.objects.filter(pk__in=ids)
    return resources.exists() or Upload.objects.filter(key__in=names).exists()
