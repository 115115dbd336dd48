"""A wrapper of a store that injects planned faults and makes objects older."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from media.storage import ObjectHead, ObjectHeaders, ObjectStore
from media.storage.contract import Body, DeleteFailure, DeleteFailures, ObjectListing, SignedPut
from media.storage.marker import MARKER_KEY
from media.storage.testing.memory import MemoryStore
from media.tests.factories import client_put
from tests.model.contents import TWIN_ETAG, TWINS
from tests.model.environment.clock import Clock
from tests.model.environment.crashes import Crashes
from tests.model.environment.observer import Observer

EVERY_OPERATION = "every"


@dataclass
class Fault:
    """An error of the next calls of an operation, before they have an effect or after it."""

    operation: str
    error: type[Exception]
    remaining: int
    is_lost_response: bool = False


@dataclass
class Faults:
    """The planned faults of both stores."""

    active: list[Fault] = field(default_factory=list)
    undeletable: int = 0
    raised: int = 0

    def reset(self) -> None:
        """Let all calls succeed."""
        self.active, self.undeletable = [], 0

    def raise_for(self, operation: str, *, is_done: bool) -> None:
        """Raise the error that is planned for this call, if any."""
        for fault in self.active:
            matches = (
                fault.operation in {operation, EVERY_OPERATION}
                and fault.is_lost_response == is_done
            )
            if matches and fault.remaining:
                fault.remaining -= 1
                self.raised += 1
                raise fault.error


class SharedEtagStore(MemoryStore):
    """A store in memory in which the twins have one ETag, as files that share an MD5 do."""

    def _set(
        self, key: str, body: bytes, headers: ObjectHeaders, sha256: str | None = None
    ) -> ObjectHead:
        head = super()._set(key, body, headers, sha256)
        if any(body == twin.body for twin in TWINS):
            head = replace(head, etag=TWIN_ETAG)
            self._objects[key] = replace(self._objects[key], head=head)
        return head


class ObservedStore:
    """One bucket; `bucket` is public or private.

    `written` is when each object was stored, by the time that the rules let pass.
    """

    def __init__(
        self, bucket: str, *, clock: Clock, faults: Faults, crashes: Crashes, observer: Observer
    ) -> None:
        self.bucket = bucket
        self.store: ObjectStore = SharedEtagStore()
        self.written_at: dict[str, timedelta] = {}
        self._clock, self._faults = clock, faults
        self._crashes, self._observer = crashes, observer

    def client_put(self, signed: SignedPut, body: bytes, *, key: str) -> int:
        """Send a signed PUT as a client does; return the status."""
        status = client_put(self.store, signed, body)
        if status == 200:
            self.written_at[key] = self._clock.elapsed
        return status

    def objects(self) -> dict[str, ObjectListing]:
        """Return all objects except the environment marker, without faults."""
        return {
            listing.key: self._aged(listing)
            for listing in self.store.list("", limit=1_000_000)
            if listing.key != MARKER_KEY
        }

    def body(self, key: str) -> bytes:
        """Return the bytes of an object, without faults."""
        with self.store.open(key) as chunks:
            return b"".join(chunks)

    def plant(self, key: str, body: bytes) -> None:
        """Store an object without the product."""
        self.store.put(key, body, headers=ObjectHeaders(content_type="image/png"))
        self.written_at[key] = self._clock.elapsed

    def lose(self, key: str) -> None:
        """Delete an object without the product."""
        self.store.delete_many([key])

    # --- The store interface ------------------------------------------------------------------

    def sign_put(self, key: str, **values: Any) -> SignedPut:
        """Sign one PUT."""
        return self.store.sign_put(key, **values)

    def sign_get(self, key: str, *, lifetime: timedelta, filename: str | None = None) -> str:
        """Return a URL for reading an object."""
        return self.store.sign_get(key, lifetime=lifetime, filename=filename)

    def clock(self) -> datetime | None:
        """Return the time of the store's clock."""
        self._begin("clock")
        now = self.store.clock()
        return None if now is None else now + self._clock.store_skew

    def head(self, key: str) -> ObjectHead:
        """Return the metadata of an object."""
        self._begin("head")
        head = self.store.head(key)
        self._end("head")
        return replace(head, last_modified=self._moment(key, head.last_modified))

    def open(self, key: str, **values: Any) -> Any:
        """Open an object for reading."""
        self._begin("open")
        reader = self.store.open(key, **values)
        self._end("open")
        return reader

    def copy(self, source: str, target: str, *, if_match: str, headers: ObjectHeaders) -> None:
        """Copy inside the store."""
        self._begin("copy")
        self._observer.check_write(self.bucket, target)
        self.store.copy(source, target, if_match=if_match, headers=headers)
        self.written_at[target] = self._clock.elapsed
        self._end("copy")

    def put(self, key: str, body: Body, *, headers: ObjectHeaders) -> ObjectHead:
        """Store an object."""
        self._begin("put")
        self._observer.check_write(self.bucket, key)
        head = self.store.put(key, body, headers=headers)
        self.written_at[key] = self._clock.elapsed
        self._end("put")
        return head

    def delete_many(self, keys: Iterable[str]) -> DeleteFailures:
        """Delete objects."""
        self._begin("delete_many")
        requested = sorted(set(keys))
        count = min(self._faults.undeletable, len(requested))
        self._faults.undeletable -= count
        refused, accepted = requested[:count], requested[count:]
        self._observer.check_deletion(self.bucket, accepted)
        failures = self.store.delete_many(accepted)
        self._end("delete_many")
        return [*failures, *(DeleteFailure(key=key, code="AccessDenied") for key in refused)]

    def list(
        self, prefix: str, *, after: str | None = None, limit: int = 1000
    ) -> Iterator[ObjectListing]:
        """Yield the objects under a prefix."""
        self._begin("list")
        for listing in self.store.list(prefix, after=after, limit=limit):
            yield self._aged(listing)
        self._end("list")

    def _begin(self, operation: str) -> None:
        self._crashes.require_alive()
        self._observer.require_no_transaction(f"{operation} was called")
        self._faults.raise_for(operation, is_done=False)

    def _end(self, operation: str) -> None:
        self._faults.raise_for(operation, is_done=True)

    def _aged(self, listing: ObjectListing) -> ObjectListing:
        return replace(listing, last_modified=self._moment(listing.key, listing.last_modified))

    def _moment(self, key: str, moment: datetime) -> datetime:
        age = self._clock.elapsed - self.written_at.get(key, timedelta())
        return moment - age + self._clock.store_skew
