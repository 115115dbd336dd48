from dataclasses import dataclass

import pytest

from accounts.models import Organization, Role, User
from accounts.tests.factories import MembershipFactory, OrganizationFactory, UserFactory


@dataclass(frozen=True)
class People:
    """An organization with a plain member and an admin, and users outside of it."""

    organization: Organization
    member: User
    admin: User
    outsider: User
    superuser: User


@pytest.fixture
def people(db: None) -> People:
    organization = OrganizationFactory.create()
    return People(
        organization=organization,
        member=MembershipFactory.create(organization=organization).user,
        admin=MembershipFactory.create(organization=organization, role=Role.ADMIN).user,
        outsider=UserFactory.create(),
        superuser=UserFactory.create(superuser=True),
    )
