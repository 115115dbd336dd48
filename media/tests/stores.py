"""Stores that replace the public and private one in a test, marked as this environment's.

Watched stores fail a test that calls them inside a transaction.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.db import connections

from media.models import EnvironmentIdentity, own_identity
from media.rules.environment import Identity
from media.services import store_verification
from media.storage import ObjectHead, ObjectHeaders, ObjectStore, factory, setup
from media.storage.marker import mark
from media.storage.testing.memory import MemoryStore

# All test databases of one run share the buckets of its S3 server, and so one id.
DATABASE_ID = UUID("00000000-0000-4000-8000-000000000001")
NETWORK = frozenset({"head", "open", "copy", "put", "delete_many", "list"})


class WatchedStore:
    """A store that fails the test which calls it while a transaction is open (I09)."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store
        self.calls = 0
        self._connection = connections["default"]  # of the thread that runs the test
        self._depth = len(self._connection.atomic_blocks)  # the test's own, which roll back

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self.store, name)
        return self._watched(operation) if name in NETWORK else operation

    def _watched(self, operation: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            here = connections["default"]
            blocks = len(self._connection.atomic_blocks) - self._depth
            if here is not self._connection:
                blocks += len(here.atomic_blocks)
            assert blocks == 0, "The store was called inside a transaction."
            return operation(*args, **kwargs)

        return call


def set_database_id() -> None:
    """Give this database the id the shared buckets are marked with."""
    row = EnvironmentIdentity(id=DATABASE_ID, proven_settings=store_verification.fingerprint())
    EnvironmentIdentity.objects.bulk_create([row], ignore_conflicts=True)


def adopt_buckets() -> None:
    """Mark the two buckets of the settings as ours; they may contain objects of other tests."""
    set_database_id()
    list(setup.prepare_buckets(adopt=lambda _bucket, _old: True))


def _identity() -> Identity:
    """Return the identity of this environment, with one query for all tests."""
    return replace(
        _first_identity(), environment=settings.ENVIRONMENT_NAME, database_id=str(DATABASE_ID)
    )


@cache
def _first_identity() -> Identity:
    return own_identity()


@contextmanager
def stores_with_environment_markers(public: ObjectStore, private: ObjectStore) -> Iterator[None]:
    """Install these stores, marked as this environment's."""
    set_database_id()
    for store in (public, private):
        mark(store, _identity())
    with factory.replaced(public=public, private=private):
        yield


@contextmanager
def memory_stores(store: MemoryStore) -> Iterator[MemoryStore]:
    """Install this store as the public one, and another one as the private."""
    with watched_stores(store, MemoryStore()):
        yield store


@contextmanager
def watched_stores(public: ObjectStore, private: ObjectStore) -> Iterator[WatchedStore]:
    """Install these stores, marked as this environment's and watched."""
    watched = WatchedStore(public)
    with stores_with_environment_markers(
        cast("ObjectStore", watched), cast("ObjectStore", WatchedStore(private))
    ):
        watched.calls = 0
        yield watched


class CollidingStore(MemoryStore):
    """A store in which all objects have one ETag, as files that share an MD5 do."""

    def _set(
        self, key: str, body: bytes, headers: ObjectHeaders, sha256: str | None = None
    ) -> ObjectHead:
        head = replace(super()._set(key, body, headers, sha256), etag="c" * 32)
        self._objects[key] = replace(self._objects[key], head=head)
        return head
