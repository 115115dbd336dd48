"""Environment markers of both buckets, and adoption of buckets of another environment."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from django.conf import settings

from media.actions import MediaAction
from media.errors import ForeignEnvironmentError
from media.models import MediaResource, Upload, get_or_create_identity
from media.rules import keys
from media.rules.environment import UNMARKED, Identity, differences
from media.storage.contract import ObjectStore
from media.storage.factory import private_store, public_store
from media.storage.marker import mark, marker_of
from sartiq.core import events

ConfirmAdoption = Callable[[str, str], bool]

_SAMPLE_SIZE: Final = 10_000  # objects checked until a bucket counts as foreign
_BATCH_SIZE: Final = 500
_OWN_KINDS: Final = frozenset({keys.KeyKind.CANONICAL, keys.KeyKind.THUMBNAIL, keys.KeyKind.TEMP})


def mark_buckets(*, adopt: ConfirmAdoption | None, dry_run: bool) -> Iterator[str]:
    """Mark each bucket that is unmarked or has our marker of an older version.

    A bucket of another environment is adopted only when `adopt` returns True for its name and its
    old identity. Raises ForeignEnvironmentError.
    """
    if dry_run:
        yield f"Would mark both buckets as {settings.ENVIRONMENT_NAME} unless marked."
        return
    own = get_or_create_identity()
    yield _mark_bucket(settings.R2_BUCKET_NAME, public_store(), own, adopt)
    yield _mark_bucket(settings.R2_PRIVATE_BUCKET_NAME, private_store(), own, adopt)


def _mark_bucket(
    name: str, store: ObjectStore, own: Identity, adopt: ConfirmAdoption | None
) -> str:
    marker = marker_of(store)
    if marker == own:
        return f"{name} is marked as {own.environment}."
    reason = _confirmation_reason(store, marker, own)
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
    events.record(MediaAction.ENVIRONMENT_ADOPTED, bucket=name, previous=old)
    return f"Adopted {name}: it was {old} and is {own} now."


def _confirmation_reason(store: ObjectStore, marker: Identity | None, own: Identity) -> str | None:
    """Return why marking needs a confirmation, None if the bucket may be our own."""
    if marker is not None and (marker.is_complete or marker.environment != own.environment):
        return "; ".join(differences(marker, own))
    if _has_only_unknown_objects(store):
        return "no row of this database names any object in it"
    return None


def _has_only_unknown_objects(store: ObjectStore) -> bool:
    """Return whether the bucket has objects with our kinds of keys, but none with a row."""
    has_objects = False
    for prefix in ("media/", "temp/"):
        listed = store.list(prefix, limit=_SAMPLE_SIZE)
        while page := list(islice(listed, _BATCH_SIZE)):
            names = [listing.key for listing in page if keys.classify(listing.key) in _OWN_KINDS]
            if _any_has_row(names):
                return False
            has_objects = has_objects or bool(names)
    return has_objects


def _any_has_row(names: list[str]) -> bool:
    ids = {pk for name in names if (pk := keys.resource_id_of(name))}
    resources = MediaResource.with_deleted.filter(pk__in=ids)
    return resources.exists() or Upload.objects.filter(key__in=names).exists()
