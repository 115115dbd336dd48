"""The configuration that applies to an entity, level by level."""

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import UserFactory, client_of
from catalog.models import Guideline, Look, ProductionRequest
from catalog.tests.conftest import Team
from exports.models import ExportConfiguration
from exports.tests.factories import ConfigurationFactory

pytestmark = pytest.mark.django_db
MODELS: dict[str, Any] = {
    "looks": Look,
    "guidelines": Guideline,
    "production-requests": ProductionRequest,
}
each_kind = pytest.mark.parametrize("kind", MODELS)


def route(kind: str, entity: object = "") -> str:
    return f"/api/v1/{kind}/{getattr(entity, 'pk', entity)}"


def resolution_for(client: APIClient, kind: str, entity: object) -> dict[str, Any]:
    response = client.get(f"{route(kind, entity)}/export-configuration")
    assert response.status_code == 200, response.json()
    resolution: dict[str, Any] = response.json()
    return resolution


@each_kind
def test_the_system_default_applies_when_no_owner_has_a_configuration(
    client: APIClient, user: User, kind: str
) -> None:
    entity = MODELS[kind].objects.create(name="One", user=user)

    assert resolution_for(client, kind, entity) == {
        "level": "system",
        "reason": "It has no configuration of its own, of an organization or of its creator.",
        "configuration": {
            "id": None,
            "name": "System default",
            "metadata_adapter": "default",
            "image_format": "webp",
            "naming_convention_template": "{brand}_{product_sku}_{shot_type}_v{version}",
        },
    }


@pytest.mark.covers("I18")
@each_kind
def test_each_level_applies_once_the_more_specific_one_is_deleted(
    client: APIClient, user: User, team: Team, kind: str
) -> None:
    owner_fields: dict[str, Any] = {"user": user, "organization": team.organization}
    direct = ConfigurationFactory.create(**owner_fields)
    first = {
        "direct": direct,
        "organization": ConfigurationFactory.create(
            user=team.member, organization=team.organization
        ),
        "user": ConfigurationFactory.create(user=user),
    }
    ExportConfiguration.objects.filter(pk=direct.pk).update(
        created_at=first["user"].created_at
    )  # so that it is not the oldest one of the organization
    entity = MODELS[kind].objects.create(name="One", export_configuration=direct, **owner_fields)

    for level, configuration in first.items():
        resolution = resolution_for(client, kind, entity)
        assert (resolution["level"], resolution["configuration"]["id"]) == (
            level,
            str(configuration.pk),
        )
        client_of(UserFactory.create(superuser=True)).delete(
            f"/api/v1/users/export-configurations/{configuration.pk}"
        )

    assert resolution_for(client, kind, entity)["level"] == "system"
    entity.refresh_from_db()
    assert entity.export_configuration_id is None
    assert client.get(route(kind, entity)).json()["export_configuration_id"] is None


@dataclass(frozen=True)
class Case:
    """The levels that have a configuration, and how many of them."""

    of_organization: bool
    direct: bool
    guideline: bool
    organization: int
    own: int
    others: int = field(default=1)


CASES = st.builds(
    Case,
    of_organization=st.booleans(),
    direct=st.booleans(),
    guideline=st.booleans(),
    organization=st.integers(0, 2),
    own=st.integers(0, 2),
)


def expected_level(case: Case) -> str:
    """Return the level that applies by the specification."""
    if case.direct:
        return "direct"
    if case.guideline:
        return "guideline"
    if case.of_organization and case.organization:
        return "organization"
    return "user" if case.own else "system"


@pytest.mark.covers("I18")
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(case=CASES)
def test_the_levels_have_the_specified_order(
    client: APIClient, user: User, team: Team, case: Case
) -> None:
    ExportConfiguration.objects.all().delete()
    organization = team.organization
    ConfigurationFactory.create_batch(case.others, user=team.outsider)
    organization_configurations = ConfigurationFactory.create_batch(
        case.organization, user=team.member, organization=organization
    )
    own = ConfigurationFactory.create_batch(case.own, user=user)
    owner_fields: dict[str, Any] = {
        "user": user,
        "organization": organization if case.of_organization else None,
    }
    direct = ConfigurationFactory.create(user=team.outsider) if case.direct else None
    inherited = ConfigurationFactory.create(user=team.outsider) if case.guideline else None
    guideline = Guideline.objects.create(name="G", export_configuration=inherited, **owner_fields)
    production_request = ProductionRequest.objects.create(
        name="P", guideline=guideline, export_configuration=direct, **owner_fields
    )

    resolution = resolution_for(client, "production-requests", production_request)

    level = expected_level(case)
    candidates: dict[str, list[Any]] = {
        "direct": [direct],
        "guideline": [inherited],
        "organization": organization_configurations,
        "user": own,
        "system": [None],
    }
    first = candidates[level][0]
    assert resolution["level"] == level
    assert resolution["configuration"]["id"] == (str(first.pk) if first else None)


def test_only_production_requests_use_the_configuration_of_a_guideline(
    client: APIClient, user: User
) -> None:
    direct = ConfigurationFactory.create(user=user)
    ConfigurationFactory.create(user=user)
    guideline = Guideline.objects.create(name="G", user=user, export_configuration=direct)
    request = ProductionRequest.objects.create(name="P", user=user, guideline=guideline)

    assert resolution_for(client, "guidelines", guideline)["level"] == "direct"
    assert resolution_for(client, "production-requests", request) == {
        "level": "guideline",
        "reason": "It has no configuration of its own; its guideline is linked to this one.",
        "configuration": resolution_for(client, "guidelines", guideline)["configuration"],
    }


def test_the_adapters_template_is_returned_where_it_applies(client: APIClient, user: User) -> None:
    ConfigurationFactory.create(
        user=user, metadata_adapter="ovs", naming_convention_template="{look}"
    )
    look = Look.objects.create(name="L", user=user)

    configuration = resolution_for(client, "looks", look)["configuration"]

    assert configuration["metadata_adapter"] == "ovs"
    assert configuration["naming_convention_template"] == "{product_sku}_{shot_type}_{index:02}"


@each_kind
def test_the_configuration_of_an_entity_can_be_set_changed_and_cleared(
    client: APIClient, user: User, kind: str
) -> None:
    first, second = ConfigurationFactory.create_batch(2, user=user)

    create_response = client.post(
        route(kind), {"name": "One", "export_configuration_id": str(first.pk)}
    )
    path = route(kind, create_response.json()["id"])
    change_response = client.patch(path, {"export_configuration_id": str(second.pk)})
    rename_response = client.patch(path, {"name": "Two"})
    reset_response = client.patch(path, {"export_configuration_id": None})

    assert create_response.status_code == 201
    responses = (create_response, change_response, rename_response, reset_response)
    assert [response.json()["export_configuration_id"] for response in responses] == [
        str(first.pk),
        str(second.pk),
        str(second.pk),
        None,
    ]


@pytest.mark.covers("T40")
@each_kind
def test_a_configuration_of_another_owner_is_rejected_like_an_unknown_one(
    client: APIClient, user: User, team: Team, kind: str
) -> None:
    entity = MODELS[kind].objects.create(name="One", user=user)
    foreign_configuration = ConfigurationFactory.create(user=team.outsider)
    shared = ConfigurationFactory.create(user=user, organization=team.organization)

    for configuration_id in (foreign_configuration.pk, shared.pk, uuid4()):
        payload = {"name": "New", "export_configuration_id": str(configuration_id)}
        for response in (
            client.post(route(kind), payload),
            client.patch(route(kind, entity), payload),
        ):
            assert response.status_code == 422
            [issue] = response.json()["detail"]
            assert issue["loc"] == ["body", "export_configuration_id"]
            assert (issue["type"], issue["input"]) == ("not_found", str(configuration_id))
    entity.refresh_from_db()
    assert (entity.name, entity.export_configuration_id) == ("One", None)
    assert MODELS[kind].objects.count() == 1


def test_members_can_link_their_own_configurations_and_the_organizations(
    client: APIClient, user: User, team: Team
) -> None:
    shared = ConfigurationFactory.create(user=team.member, organization=team.organization)
    personal = ConfigurationFactory.create(user=user)
    colleagues = ConfigurationFactory.create(user=team.member)
    look = Look.objects.create(name="L", user=team.member, organization=team.organization)

    responses = [
        client.patch(route("looks", look), {"export_configuration_id": str(configuration.pk)})
        for configuration in (shared, personal, colleagues)
    ]

    assert [response.status_code for response in responses] == [200, 200, 422]


def test_a_colleague_can_send_back_a_linked_configuration(
    client: APIClient, user: User, team: Team
) -> None:
    personal = ConfigurationFactory.create(user=team.member)
    look = Look.objects.create(
        name="L",
        user=team.member,
        organization=team.organization,
        export_configuration=personal,
    )
    body_read = client.get(route("looks", look)).json()

    response = client.patch(
        route("looks", look),
        {"name": "Renamed", "export_configuration_id": body_read["export_configuration_id"]},
    )

    assert (response.status_code, response.json()["name"]) == (200, "Renamed")


@pytest.mark.covers("I18")
@each_kind
def test_deleting_by_organization_clears_every_entity(team: Team, user: User, kind: str) -> None:
    admin = UserFactory.create(superuser=True)
    owner_fields: dict[str, Any] = {"user": user, "organization": team.organization}
    first = ConfigurationFactory.create(**owner_fields)
    entities = [
        MODELS[kind].objects.create(name=name, export_configuration=first, **owner_fields)
        for name in "abc"
    ]

    response = client_of(admin).delete(
        f"/api/v1/users/organizations/{team.organization.pk}/export-configuration"
    )

    assert response.status_code == 200
    ids = MODELS[kind].objects.values_list("export_configuration_id", flat=True)
    assert list(ids) == [None] * len(entities)
