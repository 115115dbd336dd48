"""Whether database, process and both buckets belong together: asked before anything is deleted."""

import time
from dataclasses import dataclass
from typing import Final

from django.conf import settings

from media.errors import ForeignEnvironmentError
from media.models import own_identity
from media.rules.environment import differences
from media.storage import ObjectStore, private_store, public_store
from media.storage.marker import marker_of

TRUSTED_SECONDS: Final = 60  # how long one comparison holds in a process


@dataclass(frozen=True)
class _Comparison:
    stores: tuple[ObjectStore, ObjectStore]
    environment: str
    expires: float


_last: list[_Comparison] = []


def require_own_environment() -> None:
    """Refuse to go on unless both buckets are marked as this database's and this process's.

    One comparison holds for a minute. Raises ForeignEnvironmentError saying which of the three
    values differs, EnvironmentUnknownError, StoreUnavailableError.
    """
    stores = (public_store(), private_store())
    if any(_holds(each, stores) for each in _last):
        return
    own = own_identity()
    names = (settings.R2_BUCKET_NAME, settings.R2_PRIVATE_BUCKET_NAME)
    for name, store in zip(names, stores, strict=True):
        found = list(differences(marker_of(store), own))
        if found:
            message = (
                f"Nothing is deleted: bucket {name} is not this environment's: {'; '.join(found)}."
                " After a move or a restore: manage.py setup_bucket --adopt."
            )
            raise ForeignEnvironmentError(message)
    expires = time.monotonic() + TRUSTED_SECONDS
    _last[:] = [_Comparison(stores, settings.ENVIRONMENT_NAME, expires)]


def _holds(comparison: _Comparison, stores: tuple[ObjectStore, ObjectStore]) -> bool:
    same = all(one is other for one, other in zip(comparison.stores, stores, strict=True))
    named = comparison.environment == settings.ENVIRONMENT_NAME
    return same and named and time.monotonic() < comparison.expires
