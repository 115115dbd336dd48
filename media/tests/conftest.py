from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from pytest_django import Settings

from accounts.models import User
from accounts.tests.factories import UserFactory
from media.storage import ObjectStore, factory
from media.storage.local.store import LocalStore
from media.storage.s3.store import S3Store
from media.storage.testing.memory import MemoryStore
from media.tests.stores import CollidingStore, adopt_buckets, memory_stores, watched_stores


@pytest.fixture
def user(db: None) -> User:
    new_user: User = UserFactory.create()
    return new_user


@pytest.fixture
def superuser(db: None) -> User:
    new_user: User = UserFactory.create(superuser=True)
    return new_user


@pytest.fixture
def memory(db: None) -> Iterator[MemoryStore]:
    """The installed in-memory store."""
    with memory_stores(MemoryStore()) as store:
        yield store


@pytest.fixture
def colliding_store(db: None) -> Iterator[CollidingStore]:
    """An in-memory store in which all objects have the same ETag."""
    store = CollidingStore()
    with memory_stores(store):
        yield store


@pytest.fixture
def folder(db: None, settings: Settings, tmp_path: Path) -> Iterator[LocalStore]:
    """The installed local store."""
    settings.STORAGE = "local"
    settings.LOCAL_STORE_DIR = tmp_path
    factory.reset()
    store = factory.local_store(private=False)
    with watched_stores(store, factory.local_store(private=True)):
        yield store
    factory.reset()


@pytest.fixture
def bucket(db: None, stack: dict[str, str]) -> Iterator[S3Store]:
    """The installed store on the live S3 server."""
    adopt_buckets()
    store = S3Store(factory.s3_connection(), django_settings.R2_BUCKET_NAME)
    private = S3Store(factory.s3_connection(), django_settings.R2_PRIVATE_BUCKET_NAME)
    with watched_stores(store, private):
        yield store
    store.close()
    private.close()


@pytest.fixture(params=["memory", "folder", "bucket"])
def any_store(request: pytest.FixtureRequest) -> ObjectStore:
    """Each kind of store, installed as the public one."""
    store: ObjectStore = request.getfixturevalue(request.param)
    return store
