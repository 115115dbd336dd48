from dataclasses import dataclass

import pytest

from accounts.models import Organization, Role, User
from accounts.tests.factories import MembershipFactory, OrganizationFactory, UserFactory


@dataclass(frozen=True)
class Cast:
    """Everybody an organization can meet."""

    organization: Organization
    other_organization: Organization
    owner: User
    admin: User
    member: User
    outsider: User
    superuser: User


@pytest.fixture
def cast(db: None) -> Cast:
    organization, other = OrganizationFactory.create(), OrganizationFactory.create()
    people = {}
    for role in Role:
        person = UserFactory.create()
        MembershipFactory.create(user=person, organization=organization, role=role)
        people[role] = person
    outsider = MembershipFactory.create(organization=other, role=Role.OWNER).user
    return Cast(
        organization=organization,
        other_organization=other,
        owner=people[Role.OWNER],
        admin=people[Role.ADMIN],
        member=people[Role.MEMBER],
        outsider=outsider,
        superuser=UserFactory.create(superuser=True),
    )
