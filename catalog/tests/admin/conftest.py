from collections.abc import Iterator

import pytest
from django.test import Client

from accounts.models import User
from accounts.tests.factories import UserFactory
from media.storage.testing.memory import MemoryStore
from media.tests.stores import stores_with_environment_markers


@pytest.fixture
def superuser(db: None) -> User:
    return UserFactory.create(superuser=True)


@pytest.fixture
def superuser_client(superuser: User) -> Client:
    client = Client()
    client.force_login(superuser, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def private_store(db: None) -> Iterator[MemoryStore]:
    store = MemoryStore()
    with stores_with_environment_markers(MemoryStore(), store):
        yield store
