from dataclasses import dataclass

import pytest

from accounts.models import Organization, Role, User
from accounts.tests.factories import MembershipFactory, OrganizationFactory, UserFactory


@dataclass(frozen=True)
class Studio:
    """An organization with a plain member and an admin, and users outside of it."""

    organization: Organization
    member: User
    admin: User
    outsider: User
    superuser: User


@pytest.fixture
def studio(db: None) -> Studio:
    organization = OrganizationFactory.create()
    return Studio(
        organization=organization,
        member=MembershipFactory.create(organization=organization).user,
        admin=MembershipFactory.create(organization=organization, role=Role.ADMIN).user,
        outsider=UserFactory.create(),
        superuser=UserFactory.create(superuser=True),
    )
