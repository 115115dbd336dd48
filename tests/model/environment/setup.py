"""The product in one process, with everything around it under the control of the state machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, cast
from uuid import UUID

import pytest
from django.conf import settings

from bulkupload.services.images import fetch_remote
from media.models import own_identity
from media.services.decoding import turns
from media.storage import ObjectStore, factory
from media.storage.marker import mark
from media.storage.s3.store import S3Store
from media.tests.stores import set_database_id
from sartiq.celery import app
from tests.model.contents import BOOT
from tests.model.environment import database, tenants
from tests.model.environment.broker import Broker
from tests.model.environment.clock import Clock
from tests.model.environment.crashes import Crashes
from tests.model.environment.observer import Observer
from tests.model.environment.stores import Faults, ObservedStore, SharedEtagStore
from tests.model.environment.tenants import Tenants

REMOTE_URL = "https://pictures.example.com/boot.png"
CHUNK_ROWS = 2


@dataclass(frozen=True, kw_only=True)
class Environment:
    """What a step can control; it is installed once and emptied for each example."""

    tenants: Tenants
    clock: Clock
    broker: Broker
    crashes: Crashes
    faults: Faults
    observer: Observer
    public: ObservedStore
    private: ObservedStore
    uses_seaweedfs: bool

    def reset(self) -> None:
        """Start an example with nothing but users."""
        database.clear()
        self.clock.reset()
        self.broker.reset()
        self.crashes.reset()
        self.faults.reset()
        self.observer.violations.clear()
        turns._last_served = UUID(int=0)  # not random, so that an example can be repeated
        for store in (self.public, self.private):
            store.written_at.clear()
            if self.uses_seaweedfs:
                store.store.delete_many(list(store.objects()))
            else:
                store.store = SharedEtagStore()
            mark(store.store, own_identity())


@contextmanager
def installed(*, uses_seaweedfs: bool) -> Iterator[Environment]:
    """Create the users, and run the product with this environment inside the block."""
    app.loader.import_default_modules()
    clock, crashes, faults, observer = Clock(), Crashes(), Faults(), Observer()
    parts: dict[str, Any] = {"clock": clock, "faults": faults, "crashes": crashes}
    public = ObservedStore("public", observer=observer, **parts)
    private = ObservedStore("private", observer=observer, **parts)
    if uses_seaweedfs:
        public.store = S3Store(factory.s3_connection(), settings.R2_BUCKET_NAME)
        private.store = S3Store(factory.s3_connection(), settings.R2_PRIVATE_BUCKET_NAME)
    broker = Broker(clock=clock, observer=observer)
    set_database_id()
    stores = {"public": cast("ObjectStore", public), "private": cast("ObjectStore", private)}
    with (
        pytest.MonkeyPatch.context() as patch,
        factory.replaced(**stores),
        clock.skewed_in_processes(),
        broker.installed(),
        crashes.installed(),
    ):
        patch.setattr(settings, "BULK_CHUNK_ROWS", CHUNK_ROWS)
        patch.setattr(settings, "BULK_REMOTE_IMAGES", True)
        patch.setattr(fetch_remote, "RemoteFetcher", RemoteSite)
        yield Environment(
            tenants=tenants.create(),
            broker=broker,
            observer=observer,
            public=public,
            private=private,
            uses_seaweedfs=uses_seaweedfs,
            **parts,
        )
    database.clear()


@dataclass(frozen=True)
class RemoteSite:
    """A web site with one image, instead of `RemoteFetcher`."""

    host_permit: object = None  # RemoteFetcher takes a permit for each host

    def fetch(self, url: str, *, into: BinaryIO) -> int:
        """Write the image into a file."""
        return into.write(BOOT.body)
