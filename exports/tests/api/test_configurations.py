from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from accounts.models import User
from accounts.tests.factories import client_of
from exports.models import ExportConfiguration, MetadataAdapterVisibility
from exports.tests.conftest import People
from exports.tests.factories import ConfigurationFactory

pytestmark = pytest.mark.django_db
V1 = "/api/v1"
MINE = f"{V1}/users/me/export-configuration"


def organization_path(people: People) -> str:
    return f"{V1}/users/organizations/{people.organization.pk}/export-configuration"


def path_of(configuration: ExportConfiguration) -> str:
    return f"{V1}/users/export-configurations/{configuration.pk}"


def names(response: Any) -> list[str]:
    return [row["name"] for row in response.json()]


def test_defaults_are_those_of_the_specification(people: People) -> None:
    client = client_of(people.member)

    response = client.post(MINE, {})

    body = response.json()
    assert response.status_code == 201
    assert response["Location"] == f"{V1}/users/export-configurations/{body['id']}"
    assert body == {
        "id": body["id"],
        "created_at": body["created_at"],
        "updated_at": body["updated_at"],
        "user_id": str(people.member.pk),
        "organization_id": None,
        "name": "Default",
        "metadata_adapter": "default",
        "image_format": "webp",
        "naming_convention_template": None,
    }
    assert client.get(response["Location"]).json() == body
    assert client.get(MINE).json() == body


def test_the_first_configuration_is_the_oldest(people: People) -> None:
    client = client_of(people.member)
    configurations = [ConfigurationFactory.create(user=people.member, name=name) for name in "abc"]
    oldest = ExportConfiguration.objects.filter(pk=configurations[2].pk)
    oldest.update(created_at=configurations[0].created_at - timedelta(days=1))

    assert client.get(MINE).json()["name"] == "c"
    assert names(client.get(f"{MINE}s")) == ["c", "a", "b"]
    assert client.patch(MINE, {"name": "changed"}).json()["id"] == str(configurations[2].pk)
    assert client.delete(MINE).status_code == 204
    assert names(client.get(f"{MINE}s")) == ["a", "b"]


def test_personal_routes_ignore_configurations_of_organizations(people: People) -> None:
    ConfigurationFactory.create(user=people.admin, organization=people.organization)
    client = client_of(people.admin)

    other_path = f"{V1}/users/{people.admin.pk}/export-configuration"
    for path in (MINE, other_path):
        assert client.get(path).status_code == 404
        assert client.patch(path, {"name": "x"}).status_code == 404
        assert client.delete(path).status_code == 404
    assert client.get(f"{MINE}s").json() == []
    assert ExportConfiguration.objects.count() == 1


def test_the_user_of_an_organizations_configuration_is_its_creator(people: People) -> None:
    response = client_of(people.admin).post(organization_path(people), {"name": "House"})

    assert response.json()["user_id"] == str(people.admin.pk)
    assert response.json()["organization_id"] == str(people.organization.pk)


def test_a_member_can_read_but_not_change(people: People) -> None:
    shared = ConfigurationFactory.create(
        user=people.admin, organization=people.organization, name="House"
    )
    client = client_of(people.member)
    path = organization_path(people)

    assert client.get(path).json()["name"] == "House"
    assert names(client.get(f"{path}s")) == ["House"]
    assert client.get(path_of(shared)).json()["name"] == "House"
    for response in (
        client.post(path, {}),
        client.patch(path, {"name": "x"}),
        client.delete(path),
        client.patch(path_of(shared), {"name": "x"}),
        client.delete(path_of(shared)),
    ):
        assert response.status_code == 403
        assert response.json() == {"detail": "Not enough permissions"}
    assert list(ExportConfiguration.objects.values_list("name", flat=True)) == ["House"]


def test_a_superuser_can_change_any_configuration(people: People) -> None:
    client = client_of(people.superuser)
    path = f"{V1}/users/{people.member.pk}/export-configuration"

    create_body = client.post(path, {"name": "Set up"}).json()

    assert create_body["user_id"] == str(people.member.pk)
    assert client.patch(path, {"name": "Again"}).json()["name"] == "Again"
    assert client_of(people.member).get(MINE).json()["id"] == create_body["id"]
    assert client.delete(path).status_code == 204


def test_the_list_has_own_configurations_and_those_of_organizations(people: People) -> None:
    ConfigurationFactory.create(user=people.member, name="own")
    ConfigurationFactory.create(user=people.admin, organization=people.organization, name="house")
    ConfigurationFactory.create(user=people.admin, name="the admin's own")
    ConfigurationFactory.create(user=people.outsider, name="foreign")

    response = client_of(people.member).get("/export-configuration/")

    assert names(response) == ["own", "house"]
    assert client_of(people.member).get(f"{V1}/export-configuration/").json() == response.json()


@pytest.mark.parametrize("path", ["/export-configuration/", "/export-configuration"])
def test_configurations_can_be_created_at_the_path_without_prefix(
    people: People, path: str
) -> None:
    response = client_of(people.member).post(path, {"image_format": "avif"})

    assert response.status_code == 201
    assert response.json()["user_id"] == str(people.member.pk)
    assert response.json()["organization_id"] is None


def test_an_organization_can_be_in_the_query_or_the_body(people: People) -> None:
    client, organization = client_of(people.admin), str(people.organization.pk)
    path = f"{V1}/export-configuration/"

    responses = (
        client.post(f"{path}?organization_id={organization}", {}),
        client.post(path, {"organization_id": organization}),
        client.post(path, {"organization_id": None}),
    )

    result = [response.json()["organization_id"] for response in responses]
    assert result == [organization, organization, None]


def test_two_different_organizations_are_refused(people: People) -> None:
    path = f"{V1}/export-configuration/?organization_id={people.organization.pk}"

    response = client_of(people.admin).post(path, {"organization_id": str(UUID(int=1))})

    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body", "organization_id"]
    assert not ExportConfiguration.objects.exists()


@pytest.mark.covers("T44")
def test_null_clears_only_the_template(people: People) -> None:
    personal = ConfigurationFactory.create(
        user=people.member, image_format="PNG", naming_convention_template="{brand}", name="Own"
    )
    client = client_of(people.member)

    response = client.patch(
        path_of(personal), {"name": None, "metadata_adapter": None, "image_format": None}
    )
    reset_response = client.patch(path_of(personal), {"naming_convention_template": None})

    assert response.json() == client.get(path_of(personal)).json() | {
        "naming_convention_template": "{brand}",
        "updated_at": response.json()["updated_at"],
    }
    assert (response.json()["name"], response.json()["image_format"]) == ("Own", "png")
    assert reset_response.json()["naming_convention_template"] is None


def test_an_empty_change_changes_nothing(people: People) -> None:
    personal = ConfigurationFactory.create(user=people.member)
    client = client_of(people.member)
    before = client.get(path_of(personal)).json()

    response = client.patch(path_of(personal), {})

    assert (response.status_code, response.json()) == (200, before)


def test_the_example_of_the_specification_is_accepted(people: People) -> None:
    """It switches a configuration with a template to `ovs`, which does not use the template."""
    template = "{brand}_{product_sku}_{shot_type}_v{version}"
    personal = ConfigurationFactory.create(user=people.member, naming_convention_template=template)
    client = client_of(people.member)

    response = client.patch(path_of(personal), {"image_format": "jpeg", "metadata_adapter": "ovs"})

    assert response.status_code == 200
    assert response.json()["metadata_adapter"] == "ovs"
    assert response.json()["image_format"] == "jpeg"
    assert response.json()["naming_convention_template"] == template


@pytest.mark.parametrize(
    ("stored", "payload"),
    [
        ("default", {"metadata_adapter": "ovs", "naming_convention_template": "{brand}"}),
        ("ovs", {"naming_convention_template": "{brand}"}),
    ],
)
def test_an_adapter_with_a_fixed_template_refuses_another(
    people: People, stored: str, payload: dict[str, str]
) -> None:
    personal = ConfigurationFactory.create(user=people.member, metadata_adapter=stored)
    client = client_of(people.member)

    change_response = client.patch(path_of(personal), payload)
    create_response = client.post(
        MINE, {"metadata_adapter": "ovs", "naming_convention_template": "{look}"}
    )

    for response in (change_response, create_response):
        assert response.status_code == 422
        [issue] = response.json()["detail"]
        assert issue["loc"] == ["body", "naming_convention_template"]
        assert issue["type"] == "template_not_customizable"
    personal.refresh_from_db()
    assert (personal.metadata_adapter, personal.naming_convention_template) == (stored, None)


@pytest.mark.covers("T46")
def test_a_bad_template_names_the_token_and_its_position(people: People) -> None:
    response = client_of(people.member).post(MINE, {"naming_convention_template": "{brand}_{sku}"})

    assert response.status_code == 422
    assert response.json()["detail"] == [
        {
            "loc": ["body", "naming_convention_template"],
            "msg": "Unknown wildcard {sku} at position 8.",
            "type": "template_invalid",
            "input": "{brand}_{sku}",
            "ctx": {"token": "{sku}", "position": 8},
        }
    ]


def test_a_configuration_can_be_sent_back_as_it_was_read(people: People) -> None:
    """Even if its adapter has been restricted since, and does not use the template."""
    personal = ConfigurationFactory.create(
        user=people.member, metadata_adapter="ovs", naming_convention_template="{brand}"
    )
    MetadataAdapterVisibility.objects.create(code="ovs", is_public=False)
    client = client_of(people.member)
    body_read = client.get(path_of(personal)).json()

    response = client.patch(path_of(personal), body_read | {"name": "Renamed"})

    assert response.status_code == 200
    assert response.json() == body_read | {
        "name": "Renamed",
        "updated_at": response.json()["updated_at"],
    }


def test_deletes_respond_as_specified(people: People) -> None:
    def create(**owner: Any) -> ExportConfiguration:
        configuration: ExportConfiguration = ConfigurationFactory.create(user=people.admin, **owner)
        return configuration

    client = client_of(people.admin)
    personal = create()
    create(organization=people.organization)
    message = {"message": "Export configuration deleted"}

    responses = client.delete(path_of(personal)), client.delete(organization_path(people))

    assert [(deleted.status_code, deleted.json()) for deleted in responses] == [(200, message)] * 2
    for path in (MINE, f"{V1}/users/{people.admin.pk}/export-configuration"):
        create()
        response = client.delete(path)
        assert (response.status_code, response.content) == (204, b"")
    assert not ExportConfiguration.objects.exists()


def test_a_deleted_user_has_no_configuration(people: People) -> None:
    deleted_user: User = people.outsider
    ConfigurationFactory.create(user=deleted_user)
    client_of(people.superuser).delete(f"{V1}/users/{deleted_user.pk}")

    response = client_of(people.superuser).get(f"{V1}/users/{deleted_user.pk}/export-configuration")

    assert (response.status_code, response.json()) == (404, {"detail": "User not found"})
