"""Of several concurrent writes with the same `If-Match`, only one succeeds."""

import json
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Organization, Role, User
from accounts.tests.factories import MembershipFactory, UserFactory, client_of
from catalog.models import Product
from exports.models import ExportConfiguration
from media.storage import factory
from media.storage.testing.memory import MemoryStore
from media.tests.threads import at_once


def product(user: User, organization: Organization) -> str:
    return f"products/{Product.objects.create(user=user, organization=organization, name='A').pk}"


def configuration(user: User, organization: Organization) -> str:
    row = ExportConfiguration.objects.create(user=user, organization=organization)
    return f"users/export-configurations/{row.pk}"


def member(user: User, organization: Organization) -> str:
    other_member = MembershipFactory.create(organization=organization).user
    return f"organizations/{organization.pk}/members/{other_member.pk}"


def tenant(user: User, organization: Organization) -> str:
    return f"organizations/{organization.pk}"


def profile(user: User, organization: Organization) -> str:
    return "users/me"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("path_of_one", "bodies"),
    [
        (product, [{"name": f"Name {n}"} for n in range(6)]),
        (configuration, [{"name": f"Name {n}"} for n in range(6)]),
        (member, [{"role": role} for role in ("admin", "owner") * 3]),
        (tenant, [{"name": f"Name {n}"} for n in range(6)]),
        (profile, [{"full_name": f"Name {n}"} for n in range(6)]),
    ],
)
def test_of_concurrent_conditional_writes_one_succeeds(
    path_of_one: Callable[[User, Organization], str], bodies: list[dict[str, str]]
) -> None:
    user = UserFactory.create()
    organization = MembershipFactory.create(user=user, role=Role.OWNER).organization
    path = f"/api/v1/{path_of_one(user, organization)}"
    etag = client_of(user).get(path).headers["ETag"]
    calls = [partial(patch, client_of(user), path, body, etag) for body in bodies]

    with factory.replaced(public=MemoryStore(), private=MemoryStore()):
        responses = at_once(calls)

    assert Counter(status for status, _ in responses) == {200: 1, 412: len(bodies) - 1}
    [success_response] = [response for status, response in responses if status == 200]
    assert client_of(user).get(path).json() == success_response


def patch(client: APIClient, path: str, body: Any, etag: str) -> tuple[int, Any]:
    response = client.patch(path, body, headers={"If-Match": etag})
    return response.status_code, json.loads(response.content)
