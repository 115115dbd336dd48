"""Concurrent requests delete one row: one of them succeeds, the others get a 404."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from accounts.models import Organization, Role, User
from accounts.tests.factories import MembershipFactory, UserFactory, client_of
from catalog.models import Guideline, Look, Product, ProductionRequest, Subject
from exports.tests.factories import ConfigurationFactory
from media.storage.testing.memory import MemoryStore
from media.tests.stores import memory_stores
from media.tests.threads import at_once

REQUESTS = 12


def entity_path(model: type[Any]) -> Callable[[User, Organization], str]:
    def path(user: User, organization: Organization) -> str:
        row = model.objects.create(user=user, organization=organization, name="One")
        prefix = str(model._meta.verbose_name_plural).replace(" ", "-")
        return f"{prefix}/{row.pk}"

    return path


def configuration_path(user: User, organization: Organization) -> str:
    configuration = ConfigurationFactory.create(user=user, organization=organization)
    return f"users/export-configurations/{configuration.pk}"


def first_configuration_path(user: User, organization: Organization) -> str:
    ConfigurationFactory.create(user=user)
    return "users/me/export-configuration"


def user_path(user: User, organization: Organization) -> str:
    return f"users/{UserFactory.create().pk}"


def member_path(user: User, organization: Organization) -> str:
    member = MembershipFactory.create(organization=organization).user
    return f"organizations/{organization.pk}/members/{member.pk}"


def own_membership_path(user: User, organization: Organization) -> str:
    MembershipFactory.create(organization=organization, role=Role.OWNER)
    return f"organizations/{organization.pk}/members/{user.pk}"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("path_of", "expected_status"),
    [
        (entity_path(Product), 204),
        (entity_path(Subject), 204),
        (entity_path(Look), 204),
        (entity_path(Guideline), 204),
        (entity_path(ProductionRequest), 204),
        (configuration_path, 200),
        (first_configuration_path, 204),
        (user_path, 204),
        (member_path, 204),
        (own_membership_path, 204),
    ],
)
def test_one_of_many_concurrent_requests_deletes_a_row(
    path_of: Callable[[User, Organization], str], expected_status: int
) -> None:
    caller = UserFactory.create(superuser=path_of is user_path)
    membership = MembershipFactory.create(user=caller, role=Role.OWNER)
    path = f"/api/v1/{path_of(caller, membership.organization)}"
    deletes = [partial(client_of(caller).delete, path) for _ in range(REQUESTS)]

    with memory_stores(MemoryStore()):
        responses = [response.status_code for response in at_once(deletes)]

    assert Counter(responses) == {expected_status: 1, 404: REQUESTS - 1}
