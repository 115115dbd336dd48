import pytest
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import client_of


@pytest.fixture
def client(user: User) -> APIClient:
    """A client that calls as `user`."""
    return client_of(user)
