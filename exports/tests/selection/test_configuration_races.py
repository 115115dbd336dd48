"""A configuration is deleted while entities are linked to it: no link to it is left."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import UserFactory, client_of
from catalog.models import Look
from exports.models import ExportConfiguration
from exports.tests.factories import ConfigurationFactory
from media.storage.testing.memory import MemoryStore
from media.tests.stores import memory_stores
from media.tests.threads import at_once

ROUNDS = 8


def link_configuration(
    client: APIClient, look: Look, configuration: ExportConfiguration
) -> Callable[[], int]:
    payload = {"export_configuration_id": str(configuration.pk)}
    return lambda: int(client.patch(f"/api/v1/looks/{look.pk}", payload).status_code)


def delete_configuration(
    client: APIClient, configuration: ExportConfiguration
) -> Callable[[], int]:
    path = f"/api/v1/users/export-configurations/{configuration.pk}"
    return lambda: int(client.delete(path).status_code)


@pytest.mark.covers("I18")
@pytest.mark.django_db(transaction=True)
def test_linking_and_deleting_concurrently_leaves_no_dangling_link() -> None:
    user: User = UserFactory.create()
    owner_fields: dict[str, Any] = {"user": user}
    for _ in range(ROUNDS):
        configuration = ConfigurationFactory.create(**owner_fields)
        looks = [Look.objects.create(name=name, **owner_fields) for name in "abc"]
        calls = [link_configuration(client_of(user), look, configuration) for look in looks]

        with memory_stores(MemoryStore()):
            delete = delete_configuration(client_of(user), configuration)
            *statuses, deletion_status = at_once([*calls, delete])

        assert deletion_status == 200
        assert set(statuses) <= {200, 409, 422, 503}
        assert not ExportConfiguration.objects.exists()
        assert not Look.objects.filter(export_configuration__isnull=False).exists()
