from typing import Any
from uuid import uuid4

import pytest

from accounts.tests.factories import MembershipFactory, client_of
from exports.models import ExportConfiguration, MetadataAdapterVisibility
from exports.rules.templates import compile_template
from exports.rules.wildcards import WILDCARDS
from exports.tests.conftest import People
from exports.tests.factories import ConfigurationFactory

pytestmark = pytest.mark.django_db
V1 = "/api/v1"
ADAPTERS = f"{V1}/metadata-adapters/"
OVS = f"{ADAPTERS}ovs/visibility"
MINE = f"{V1}/users/me/export-configuration"


def codes(response: Any) -> list[str]:
    return [row["code"] for row in response.json()]


def restrict_ovs(*organizations: Any) -> None:
    row = MetadataAdapterVisibility.objects.create(code="ovs", is_public=False)
    row.organizations.set(organizations)


def test_adapters_are_public_by_default(people: People) -> None:
    response = client_of(people.member).get(ADAPTERS)

    assert response.json() == [
        {
            "code": "default",
            "display_name": "Default",
            "naming_convention_example": "Sartiq_AW26-1044_front_v1",
            "naming_convention_template": "{brand}_{product_sku}_{shot_type}_v{version}",
            "is_customizable": True,
            "is_public": True,
            "organization_ids": [],
        },
        {
            "code": "ovs",
            "display_name": "OVS",
            "naming_convention_example": "AW26-1044_front_07",
            "naming_convention_template": "{product_sku}_{shot_type}_{index:02}",
            "is_customizable": False,
            "is_public": True,
            "organization_ids": [],
        },
    ]


def test_a_restricted_adapter_is_visible_to_its_organizations(people: People) -> None:
    other_organization = MembershipFactory.create(user=people.member).organization
    foreign_organization = MembershipFactory.create().organization
    restrict_ovs(people.organization, foreign_organization)
    client = client_of(people.member)

    response_without_scope = client.get(ADAPTERS)
    response = client.get(f"{ADAPTERS}?organization_id={people.organization.pk}")

    assert codes(response_without_scope) == codes(response) == ["default", "ovs"]
    assert response.json()[1]["organization_ids"] == [str(people.organization.pk)]
    assert codes(client.get(f"{ADAPTERS}?organization_id={other_organization.pk}")) == ["default"]
    assert codes(client_of(people.outsider).get(ADAPTERS)) == ["default"]
    ovs = client_of(people.superuser).get(ADAPTERS).json()[1]
    assert set(ovs["organization_ids"]) == {
        str(people.organization.pk),
        str(foreign_organization.pk),
    }


def test_a_superuser_can_restrict_an_adapter(people: People) -> None:
    payload = {"is_public": False, "organization_ids": [str(people.organization.pk)]}

    first = client_of(people.superuser).put(OVS, payload)
    second_response = client_of(people.superuser).put(OVS, payload)

    assert (first.status_code, first.json()) == (
        second_response.status_code,
        second_response.json(),
    )
    assert first.json()["is_public"] is False
    assert first.json()["organization_ids"] == [str(people.organization.pk)]
    assert codes(client_of(people.outsider).get(ADAPTERS)) == ["default"]
    publish_response = client_of(people.superuser).put(
        OVS, {"is_public": True, "organization_ids": []}
    )
    assert publish_response.json()["organization_ids"] == []
    assert codes(client_of(people.outsider).get(ADAPTERS)) == ["default", "ovs"]


def test_an_unknown_organization_is_reported_by_its_index(people: People) -> None:
    unknown_id = str(uuid4())
    ids = [str(people.organization.pk), unknown_id]

    response = client_of(people.superuser).put(OVS, {"is_public": False, "organization_ids": ids})

    assert response.status_code == 422
    [issue] = response.json()["detail"]
    assert (issue["loc"], issue["type"]) == (["body", "organization_ids", 1], "not_found")
    assert not MetadataAdapterVisibility.objects.exists()


def test_an_unknown_adapter_is_a_404(people: People) -> None:
    path = f"{ADAPTERS}sap/visibility"

    response = client_of(people.superuser).put(path, {"is_public": True})

    assert (response.status_code, response.json()) == (
        404,
        {"detail": "Metadata adapter not found"},
    )


def test_only_superusers_can_restrict_an_adapter(people: People) -> None:
    response = client_of(people.admin).put(OVS, {"is_public": True, "organization_ids": []})

    assert response.status_code == 403
    assert not MetadataAdapterVisibility.objects.exists()


def test_a_configuration_can_only_use_an_available_adapter(people: People) -> None:
    restrict_ovs(people.organization)

    organization_path = f"{V1}/users/organizations/{people.organization.pk}/export-configuration"
    conflict_response = client_of(people.admin).post(organization_path, {"metadata_adapter": "ovs"})
    response = client_of(people.outsider).post(MINE, {"metadata_adapter": "ovs"})

    assert conflict_response.status_code == 201
    assert response.status_code == 422
    [issue] = response.json()["detail"]
    assert issue["loc"] == ["body", "metadata_adapter"]
    assert issue["type"] == "adapter_not_available"
    assert ExportConfiguration.objects.count() == 1


def test_a_configuration_keeps_an_adapter_that_is_restricted_later(people: People) -> None:
    ConfigurationFactory.create(user=people.outsider, metadata_adapter="ovs")
    restrict_ovs()

    response = client_of(people.outsider).patch(MINE, {"name": "Still mine"})

    assert response.status_code == 200
    assert response.json()["metadata_adapter"] == "ovs"


def test_wildcards_are_fully_described(people: People) -> None:
    response = client_of(people.outsider).get(f"{ADAPTERS}template-wildcards")

    body = response.json()
    assert [row["name"] for row in body] == list(WILDCARDS)
    for row in body:
        assert set(row) == {"name", "description", "example", "is_number", "provided_by"}
        assert row["description"]
        assert row["example"]
        assert row["provided_by"]
        padding_spec = ":03" if row["is_number"] else ""
        compile_template(f"{{{row['name']}{padding_spec}}}")
