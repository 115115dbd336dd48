import pytest
from django.test import Client
from django.urls import reverse

from exports.models import ExportConfiguration, MetadataAdapterVisibility
from exports.tests.conftest import People
from exports.tests.factories import ConfigurationFactory

CHANGELIST = reverse("admin:exports_exportconfiguration_changelist")
ADD = reverse("admin:exports_exportconfiguration_add")


@pytest.fixture
def staff(people: People) -> Client:
    client = Client()
    client.force_login(people.superuser, backend="django.contrib.auth.backends.ModelBackend")
    return client


def page(configuration: ExportConfiguration) -> str:
    return reverse("admin:exports_exportconfiguration_change", args=[configuration.pk])


def form(**fields: str) -> dict[str, str]:
    return {"name": "House", "metadata_adapter": "default", "image_format": "WEBP"} | fields


def test_the_list_and_the_page_show_an_example_name(staff: Client, people: People) -> None:
    configuration = ConfigurationFactory.create(
        user=people.member, naming_convention_template="{brand}-{index:04}"
    )

    for url in (CHANGELIST, page(configuration)):
        html = staff.get(url).content.decode()

        assert "<code>Sartiq-0007</code>" in html
        assert "{brand}-{index:04}" in html


def test_staff_can_search_by_name_template_and_owner(staff: Client, people: People) -> None:
    configuration = ConfigurationFactory.create(
        user=people.member, name="Autumn house", naming_convention_template="{look}"
    )
    other_configuration = ConfigurationFactory.create(user=people.outsider)

    for texts in (configuration.name, "{look}", str(configuration.pk), people.member.email):
        html = staff.get(CHANGELIST, {"q": texts}).content.decode()

        assert page(configuration) in html
        assert page(other_configuration) not in html


def test_staff_can_create_a_configuration_for_an_organization(
    staff: Client, people: People
) -> None:
    response = staff.post(ADD, form(owner="ORGANIZATION", organization=str(people.organization.pk)))

    assert response.status_code == 302
    configuration = ExportConfiguration.objects.get()
    assert (configuration.organization, configuration.user) == (
        people.organization,
        people.superuser,
    )
    assert configuration.naming_convention_template is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"naming_convention_template": "{brand}_{sku}"}, "Unknown wildcard {sku} at position 8."),
        (
            {"naming_convention_template": "{brand}", "metadata_adapter": "ovs"},
            "This metadata adapter has a fixed naming template",
        ),
        ({"metadata_adapter": "sap"}, "Select a valid choice"),
    ],
)
def test_the_admin_has_the_validation_of_the_api(
    staff: Client, fields: dict[str, str], message: str
) -> None:
    response = staff.post(ADD, form(**fields))

    assert response.status_code == 200
    assert message in response.content.decode()
    assert not ExportConfiguration.objects.exists()


def test_an_unused_template_can_be_saved_unchanged(staff: Client, people: People) -> None:
    configuration = ConfigurationFactory.create(
        user=people.member, metadata_adapter="ovs", naming_convention_template="{brand}"
    )

    fields = {"metadata_adapter": "ovs", "naming_convention_template": "{brand}"}
    response = staff.post(page(configuration), form(**fields))

    assert response.status_code == 302
    configuration.refresh_from_db()
    assert configuration.name == "House"


def test_staff_can_delete_a_configuration(staff: Client, people: People) -> None:
    configuration = ConfigurationFactory.create(user=people.member)
    url = reverse("admin:exports_exportconfiguration_delete", args=[configuration.pk])

    response = staff.post(url, {"post": "yes"})

    assert response.status_code == 302
    assert not ExportConfiguration.objects.exists()


def test_staff_can_restrict_an_adapter(staff: Client, people: People) -> None:
    url = reverse("admin:exports_metadataadaptervisibility_add")

    staff.post(url, {"code": "ovs", "organizations": [str(people.organization.pk)]})

    row = MetadataAdapterVisibility.objects.get()
    assert (row.code, row.is_public) == ("ovs", False)
    assert list(row.organizations.all()) == [people.organization]
