from dataclasses import dataclass

import pytest

from accounts.models import Organization, Role, User
from accounts.tests.factories import MembershipFactory, OrganizationFactory, UserFactory


@dataclass(frozen=True)
class Team:
    """An organization with users of every role, another one, and an outsider."""

    organization: Organization
    other_organization: Organization
    owner: User
    admin: User
    member: User
    outsider: User
    superuser: User


@pytest.fixture
def team(db: None) -> Team:
    organization, other = OrganizationFactory.create(), OrganizationFactory.create()
    users = {}
    for role in Role:
        user = UserFactory.create()
        MembershipFactory.create(user=user, organization=organization, role=role)
        users[role] = user
    outsider = MembershipFactory.create(organization=other, role=Role.OWNER).user
    return Team(
        organization=organization,
        other_organization=other,
        owner=users[Role.OWNER],
        admin=users[Role.ADMIN],
        member=users[Role.MEMBER],
        outsider=outsider,
        superuser=UserFactory.create(superuser=True),
    )
