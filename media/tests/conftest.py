from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as values
from pytest_django import Settings

from accounts.models import User
from accounts.tests.factories import UserFactory
from media.storage import ObjectStore, factory
from media.storage.local.store import LocalStore
from media.storage.s3.store import S3Store
from media.storage.testing.memory import MemoryStore
from media.tests.doors import CollidingStore, memory_stores, own_buckets, watched_stores


@pytest.fixture
def user(db: None) -> User:
    found: User = UserFactory.create()
    return found


@pytest.fixture
def superuser(db: None) -> User:
    found: User = UserFactory.create(superuser=True)
    return found


@pytest.fixture
def memory(db: None) -> Iterator[MemoryStore]:
    """A store in memory behind the doors."""
    with memory_stores(MemoryStore()) as store:
        yield store


@pytest.fixture
def colliding(db: None) -> Iterator[CollidingStore]:
    """A store in memory whose ETags tell nothing apart."""
    store = CollidingStore()
    with memory_stores(store):
        yield store


@pytest.fixture
def folder(db: None, settings: Settings, tmp_path: Path) -> Iterator[LocalStore]:
    """A store on the disk behind the doors."""
    settings.STORAGE = "local"
    settings.LOCAL_STORE_DIR = tmp_path
    factory.reset()
    store = factory.local_store(private=False)
    with watched_stores(store, factory.local_store(private=True)):
        yield store
    factory.reset()


@pytest.fixture
def bucket(db: None, stack: dict[str, str]) -> Iterator[S3Store]:
    """The live S3 server behind the doors."""
    own_buckets()
    store = S3Store(factory.s3_connection(), values.R2_BUCKET_NAME)
    private = S3Store(factory.s3_connection(), values.R2_PRIVATE_BUCKET_NAME)
    with watched_stores(store, private):
        yield store
    store.close()
    private.close()


@pytest.fixture(params=["memory", "folder", "bucket"])
def any_store(request: pytest.FixtureRequest) -> ObjectStore:
    """Each kind of store in turn, behind the doors."""
    found: ObjectStore = request.getfixturevalue(request.param)
    return found
