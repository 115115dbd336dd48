"""Availability of the object store, and the difference between its clock and ours."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from media.errors import StoreUnavailableError
from media.storage import ObjectStore, private_store, public_store

MAX_DRIFT = timedelta(seconds=60)  # beyond it, signed URLs expire noticeably early or late


@dataclass(frozen=True, kw_only=True)
class StoreHealth:
    """How far our clock is ahead of the store's; None when the store sends no time."""

    drift: timedelta | None

    @property
    def is_degraded(self) -> bool:
        """Whether signed URLs expire noticeably early or late."""
        return self.drift is not None and abs(self.drift) > MAX_DRIFT


def store_health(store: ObjectStore, *, now: datetime) -> StoreHealth:
    """Read the clock of the store; raises StoreUnavailableError when it does not respond."""
    clock = store.clock()
    return StoreHealth(drift=None if clock is None else now - clock)


def stores_answer() -> bool:
    """Return whether both stores respond."""
    try:
        for store in (public_store(), private_store()):
            store.clock()
    except StoreUnavailableError:
        return False
    return True
