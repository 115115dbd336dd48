"""Check that database, process and both buckets belong together, before anything is deleted."""

import time
from dataclasses import dataclass
from typing import Final

from django.conf import settings

from media.errors import ForeignEnvironmentError
from media.models import own_identity
from media.rules.environment import differences
from media.storage import ObjectStore, private_store, public_store
from media.storage.marker import marker_of

COMPARISON_LIFETIME_SECONDS: Final = 60  # then a process compares again


@dataclass(frozen=True)
class _Comparison:
    stores: tuple[ObjectStore, ObjectStore]
    environment: str
    expires: float


_last: list[_Comparison] = []


def require_own_environment() -> None:
    """Check that both buckets are marked as this environment's.

    The result is cached for a minute. Raises ForeignEnvironmentError naming the values that
    differ, EnvironmentUnknownError, StoreUnavailableError.
    """
    stores = (public_store(), private_store())
    if any(_is_valid(comparison, stores) for comparison in _last):
        return
    own = own_identity()
    names = (settings.R2_BUCKET_NAME, settings.R2_PRIVATE_BUCKET_NAME)
    for name, store in zip(names, stores, strict=True):
        mismatches = list(differences(marker_of(store), own))
        if mismatches:
            message = (
                f"Nothing was deleted: bucket {name} belongs to another environment:"
                f" {'; '.join(mismatches)}."
                " After a move or a restore run manage.py setup_bucket --adopt."
            )
            raise ForeignEnvironmentError(message)
    expires = time.monotonic() + COMPARISON_LIFETIME_SECONDS
    _last[:] = [_Comparison(stores, settings.ENVIRONMENT_NAME, expires)]


def _is_valid(comparison: _Comparison, stores: tuple[ObjectStore, ObjectStore]) -> bool:
    same_stores = all(one is other for one, other in zip(comparison.stores, stores, strict=True))
    same_name = comparison.environment == settings.ENVIRONMENT_NAME
    return same_stores and same_name and time.monotonic() < comparison.expires
