"""Choosing the owner of a new row, also by staff who may not view organizations."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.models import Organization
from accounts.tests.factories import OrganizationFactory, UserFactory
from catalog.models import Product
from exports.models import ExportConfiguration

pytestmark = pytest.mark.django_db
PRODUCT = "admin:catalog_product_add"
CONFIGURATION = "admin:exports_exportconfiguration_add"
FORMS: dict[str, dict[str, Any]] = {
    PRODUCT: {"name": "Shoe"},
    CONFIGURATION: {"name": "Plain", "metadata_adapter": "default", "image_format": "WEBP"},
}


def staff_with(*permissions: str) -> Client:
    staff_user = UserFactory.create(is_staff=True)
    staff_user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(staff_user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def choices(client: Client, model: str, field: str) -> Any:
    app, name = model.split(".")
    query = {"app_label": app, "model_name": name, "field_name": field, "term": ""}
    return client.get(reverse("admin:autocomplete"), query)


@pytest.fixture
def organization(db: None) -> Organization:
    return OrganizationFactory.create(name="Studio Nord")


@pytest.mark.parametrize("page", FORMS)
def test_a_row_without_a_chosen_owner_is_not_created(superuser_client: Client, page: str) -> None:
    response = superuser_client.post(reverse(page), FORMS[page])

    assert response.status_code == 200
    assert "Choose an owner." in response.content.decode()
    assert not Product.objects.exists()
    assert not ExportConfiguration.objects.exists()


@pytest.mark.parametrize("page", FORMS)
@pytest.mark.parametrize("owner", ["ORGANIZATION", "PERSONAL"])
def test_owner_and_organization_agree(
    superuser_client: Client, organization: Organization, page: str, owner: str
) -> None:
    wrong_organization = organization.pk if owner == "PERSONAL" else ""

    response = superuser_client.post(
        reverse(page), {**FORMS[page], "owner": owner, "organization": wrong_organization}
    )

    assert list(response.context["adminform"].form.errors) == ["organization"]


def test_a_personal_row_belongs_to_its_creator(superuser_client: Client) -> None:
    page = superuser_client.get(reverse(PRODUCT)).content.decode()
    superuser_client.post(reverse(PRODUCT), {"name": "Shoe", "owner": "PERSONAL"})

    product = Product.objects.get()
    assert product.organization is None
    assert f"Only me ({product.user.email})" in page


def test_staff_with_catalogue_permissions_can_choose_an_owner(organization: Organization) -> None:
    client = staff_with("add_product")

    response = choices(client, "catalog.product", "organization")

    assert [result["text"] for result in response.json()["results"]] == ["Studio Nord"]
    form = {"name": "Shoe", "owner": "ORGANIZATION", "organization": organization.pk}
    client.post(reverse(PRODUCT), form)
    assert Product.objects.get().organization == organization
    assert client.get(reverse("admin:accounts_organization_changelist")).status_code == 403


@pytest.mark.parametrize(
    ("permissions", "model", "field"),
    [
        (["change_look"], "catalog.look", "products"),
        (["add_look"], "catalog.look", "subject"),
        (["add_look"], "catalog.look", "export_configuration"),
        (["add_exportconfiguration"], "exports.exportconfiguration", "organization"),
        (
            ["change_metadataadaptervisibility"],
            "exports.metadataadaptervisibility",
            "organizations",
        ),
        (["add_membership"], "accounts.membership", "user"),
        (["view_product"], "catalog.product", "organization"),  # filters the list
        (["view_upload"], "media.upload", "organization"),
    ],
)
def test_autocompletes_need_the_permission_for_their_page(
    organization: Organization, permissions: list[str], model: str, field: str
) -> None:
    assert choices(staff_with(*permissions), model, field).status_code == 200
    assert choices(staff_with(), model, field).status_code == 403


def test_a_permission_opens_only_the_autocompletes_it_needs(organization: Organization) -> None:
    client = staff_with("add_product")

    assert choices(client, "catalog.look", "organization").status_code == 403
    assert choices(client, "catalog.product", "user").status_code == 403
