from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Organization, User
from accounts.tests.factories import OrganizationFactory, UserFactory
from catalog.models import Look, Product, Subject
from media.models import Attachment
from media.rules.keys import thumbnail_key
from media.selectors import public_url
from media.tests.admin import rows
from sartiq.core.admin_base import LINK_CLASSES

pytestmark = pytest.mark.django_db


def admin_url(view: str, *args: Any, model: str = "product") -> str:
    return reverse(f"admin:catalog_{model}_{view}", args=args)


def product(user: User, **values: Any) -> Product:
    return Product.objects.create(user=user, **{"name": "Oxford shoe"} | values)


def errors_of(response: Any) -> dict[str, list[str]]:
    return dict(response.context["adminform"].form.errors)


@pytest.fixture
def organization(db: None) -> Organization:
    return OrganizationFactory.create()


# --- Deletion -----------------------------------------------------------------------------------
@pytest.mark.parametrize("many", [False, True])
def test_deleting_an_entity_moves_it_to_the_trash(
    superuser_client: Client, superuser: User, *, many: bool
) -> None:
    deleted_product, other_product = product(superuser), product(superuser)
    resource = rows.resource(superuser, unattached_at=None)
    rows.attachment(resource, deleted_product)

    if many:
        data = {
            "action": "delete_selected",
            "_selected_action": [str(deleted_product.pk)],
            "post": "yes",
        }
        response = superuser_client.post(admin_url("changelist"), data)
    else:
        response = superuser_client.post(admin_url("delete", deleted_product.pk), {"post": "yes"})

    resource.refresh_from_db()
    assert response.status_code == 302
    assert list(Product.objects.all()) == [other_product]
    assert Product.with_deleted.in_trash().get() == deleted_product
    assert Attachment.objects.get().entity_deleted_at is not None
    assert resource.unattached_at is None


# --- Plain fields -------------------------------------------------------------------------------
def test_a_new_entity_belongs_to_the_chosen_owner_and_its_creator(
    superuser_client: Client, superuser: User, organization: Organization
) -> None:
    response = superuser_client.post(
        admin_url("add"),
        {
            "name": "Oxford shoe",
            "sku": "OX-1",
            "owner": "ORGANIZATION",
            "organization": organization.pk,
        },
    )

    new_product = Product.objects.get()
    assert response.status_code == 302
    assert (new_product.user, new_product.organization, new_product.sku) == (
        superuser,
        organization,
        "OX-1",
    )


def test_the_owner_of_an_entity_cannot_be_changed(
    superuser_client: Client, superuser: User, organization: Organization
) -> None:
    own_product = product(superuser)

    response = superuser_client.post(
        admin_url("change", own_product.pk),
        {"name": "Derby shoe", "organization": organization.pk, "user": UserFactory.create().pk},
    )

    own_product.refresh_from_db()
    assert response.status_code == 302
    assert (own_product.name, own_product.user, own_product.organization) == (
        "Derby shoe",
        superuser,
        None,
    )


@pytest.mark.parametrize("owner", ["organization", "user"])
@pytest.mark.parametrize("view", ["add", "change"])
def test_a_taken_sku_is_reported_at_its_field(
    superuser_client: Client, superuser: User, organization: Organization, owner: str, view: str
) -> None:
    scope = organization if owner == "organization" else None
    product(superuser, sku="OX-1", organization=scope)
    other_product = product(superuser, sku="OX-2", organization=scope)
    page = admin_url("add") if view == "add" else admin_url("change", other_product.pk)

    response = superuser_client.post(
        page,
        {
            "name": "Shoe",
            "sku": "OX-1",
            "owner": "ORGANIZATION" if scope else "PERSONAL",
            "organization": scope.pk if scope else "",
        },
    )

    other_product.refresh_from_db()
    assert response.status_code == 200
    assert list(errors_of(response)) == ["sku"]
    assert (Product.objects.count(), other_product.sku) == (2, "OX-2")


def test_a_taken_slug_is_reported_at_its_field(superuser_client: Client, superuser: User) -> None:
    Subject.objects.create(user=superuser, name="Ada", slug="ada")

    response = superuser_client.post(
        admin_url("add", model="subject"),
        {"name": "Ada", "slug": "ada", "type": "REAL", "owner": "PERSONAL"},
    )

    assert list(errors_of(response)) == ["slug"]


def test_products_without_a_sku_do_not_collide(superuser_client: Client, superuser: User) -> None:
    product(superuser)

    response = superuser_client.post(
        admin_url("add"), {"name": "Shoe", "sku": "", "owner": "PERSONAL"}
    )

    assert response.status_code == 302
    assert Product.objects.filter(sku=None).count() == 2


def test_a_look_can_only_link_rows_of_its_owner(
    superuser_client: Client, superuser: User, organization: Organization
) -> None:
    own_product = product(superuser, organization=organization)
    foreign_product = product(superuser)

    rejected_response = superuser_client.post(
        admin_url("add", model="look"),
        {
            "name": "Autumn",
            "owner": "ORGANIZATION",
            "organization": organization.pk,
            "products": [own_product.pk, foreign_product.pk],
        },
    )
    accepted_response = superuser_client.post(
        admin_url("add", model="look"),
        {
            "name": "Autumn",
            "owner": "ORGANIZATION",
            "organization": organization.pk,
            "products": [own_product.pk],
        },
    )

    assert list(errors_of(rejected_response)) == ["products"]
    assert accepted_response.status_code == 302
    assert list(Look.objects.get().products.all()) == [own_product]


def test_media_are_shown_with_links(superuser_client: Client, superuser: User) -> None:
    shoe, resource = product(superuser), rows.resource(superuser)
    rows.attachment(resource, shoe)

    page = superuser_client.get(admin_url("change", shoe.pk)).content.decode()
    list_page = superuser_client.get(admin_url("changelist")).content.decode()

    for html in (page, list_page):
        assert f'<img src="{public_url(thumbnail_key(resource.pk))}"' in html
    assert reverse("admin:media_mediaresource_change", args=[resource.pk]) in page
    assert (
        f'{reverse("admin:media_attachment_changelist")}?q={shoe.pk}" class="{LINK_CLASSES}">1<'
        in list_page
    )
