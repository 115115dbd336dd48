"""Stores behind the two doors for one test, watched: none may be called inside a transaction."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

from django.db import connections

from media.storage import ObjectHead, ObjectHeaders, ObjectStore, factory
from media.storage.memory import MemoryStore

NETWORK = frozenset({"head", "open", "copy", "put", "delete_many", "list"})


class WatchedStore:
    """A store that fails the test which calls it while a transaction is open (I09)."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store
        self.calls = 0
        self._connection = connections["default"]  # of the thread that runs the test
        self._depth = len(self._connection.atomic_blocks)  # the test's own, which roll back

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.store, name)
        return self._watched(found) if name in NETWORK else found

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


@contextmanager
def memory_doors(store: MemoryStore) -> Iterator[MemoryStore]:
    """Put this store behind the public door, and another one behind the private."""
    with watched_doors(store, MemoryStore()):
        yield store


@contextmanager
def watched_doors(public: ObjectStore, private: ObjectStore) -> Iterator[WatchedStore]:
    """Put these stores behind the doors, watched."""
    watched = WatchedStore(public)
    with factory.replaced(
        public=cast("ObjectStore", watched), private=cast("ObjectStore", WatchedStore(private))
    ):
        yield watched


class CollidingStore(MemoryStore):
    """A store in which all objects have one ETag, as files that share an MD5 do."""

    def _set(
        self, key: str, body: bytes, headers: ObjectHeaders, sha256: str | None = None
    ) -> ObjectHead:
        head = replace(super()._set(key, body, headers, sha256), etag="c" * 32)
        self._objects[key] = replace(self._objects[key], head=head)
        return head
