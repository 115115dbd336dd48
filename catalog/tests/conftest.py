from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from rest_framework.test import APIClient

from accounts.models import Organization, User
from accounts.tests.factories import MembershipFactory, UserFactory, client_of
from media.storage.testing.memory import MemoryStore
from media.tests.stores import memory_stores


@dataclass(frozen=True)
class Team:
    """An organization, one of its members, and a user outside it."""

    organization: Organization
    member: User
    outsider: User


@pytest.fixture
def user(db: None) -> User:
    new_user: User = UserFactory.create()
    return new_user


@pytest.fixture
def client(user: User) -> APIClient:
    return client_of(user)


@pytest.fixture
def team(user: User) -> Team:
    """The organization `user` is a member of."""
    organization = MembershipFactory.create(user=user).organization
    member = MembershipFactory.create(organization=organization).user
    return Team(organization=organization, member=member, outsider=MembershipFactory.create().user)


@pytest.fixture
def memory(db: None) -> Iterator[MemoryStore]:
    """The installed in-memory store."""
    with memory_stores(MemoryStore()) as store:
        yield store
