import pytest
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import client_of
from media.storage.testing.memory import MemoryStore


@pytest.fixture
def client(user: User, private: MemoryStore) -> APIClient:
    return client_of(user)
