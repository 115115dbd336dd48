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


def admin_url(act: str, *args: Any, model: str = "product") -> str:
    return reverse(f"admin:catalog_{model}_{act}", args=args)


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
    staff_client: Client, superuser: User, *, many: bool
) -> None:
    gone, other = product(superuser), product(superuser)
    resource = rows.resource(superuser, unattached_at=None)
    rows.attachment(resource, gone)

    if many:
        data = {"action": "delete_selected", "_selected_action": [str(gone.pk)], "post": "yes"}
        response = staff_client.post(admin_url("changelist"), data)
    else:
        response = staff_client.post(admin_url("delete", gone.pk), {"post": "yes"})

    resource.refresh_from_db()
    assert response.status_code == 302
    assert list(Product.objects.all()) == [other]
    assert Product.with_deleted.in_trash().get() == gone
    assert Attachment.objects.get().entity_deleted_at is not None
    assert resource.unattached_at is None


# --- Plain fields -------------------------------------------------------------------------------
def test_a_new_entity_belongs_to_the_chosen_owner_and_its_creator(
    staff_client: Client, superuser: User, organization: Organization
) -> None:
    response = staff_client.post(
        admin_url("add"),
        {
            "name": "Oxford shoe",
            "sku": "OX-1",
            "owner": "ORGANIZATION",
            "organization": organization.pk,
        },
    )

    created = Product.objects.get()
    assert response.status_code == 302
    assert (created.user, created.organization, created.sku) == (superuser, organization, "OX-1")


def test_the_owner_of_an_entity_cannot_be_changed(
    staff_client: Client, superuser: User, organization: Organization
) -> None:
    own = product(superuser)

    response = staff_client.post(
        admin_url("change", own.pk),
        {"name": "Derby shoe", "organization": organization.pk, "user": UserFactory.create().pk},
    )

    own.refresh_from_db()
    assert response.status_code == 302
    assert (own.name, own.user, own.organization) == ("Derby shoe", superuser, None)


@pytest.mark.parametrize("owner", ["organization", "user"])
@pytest.mark.parametrize("act", ["add", "change"])
def test_a_taken_sku_is_reported_at_its_field(
    staff_client: Client, superuser: User, organization: Organization, owner: str, act: str
) -> None:
    scope = organization if owner == "organization" else None
    product(superuser, sku="OX-1", organization=scope)
    other = product(superuser, sku="OX-2", organization=scope)
    page = admin_url("add") if act == "add" else admin_url("change", other.pk)

    response = staff_client.post(
        page,
        {
            "name": "Shoe",
            "sku": "OX-1",
            "owner": "ORGANIZATION" if scope else "PERSONAL",
            "organization": scope.pk if scope else "",
        },
    )

    other.refresh_from_db()
    assert response.status_code == 200
    assert list(errors_of(response)) == ["sku"]
    assert (Product.objects.count(), other.sku) == (2, "OX-2")


def test_a_taken_slug_is_reported_at_its_field(staff_client: Client, superuser: User) -> None:
    Subject.objects.create(user=superuser, name="Ada", slug="ada")

    response = staff_client.post(
        admin_url("add", model="subject"),
        {"name": "Ada", "slug": "ada", "type": "REAL", "owner": "PERSONAL"},
    )

    assert list(errors_of(response)) == ["slug"]


def test_products_without_a_sku_do_not_collide(staff_client: Client, superuser: User) -> None:
    product(superuser)

    response = staff_client.post(admin_url("add"), {"name": "Shoe", "sku": "", "owner": "PERSONAL"})

    assert response.status_code == 302
    assert Product.objects.filter(sku=None).count() == 2


def test_a_look_can_only_link_rows_of_its_owner(
    staff_client: Client, superuser: User, organization: Organization
) -> None:
    own = product(superuser, organization=organization)
    foreign = product(superuser)

    rejected = staff_client.post(
        admin_url("add", model="look"),
        {
            "name": "Autumn",
            "owner": "ORGANIZATION",
            "organization": organization.pk,
            "products": [own.pk, foreign.pk],
        },
    )
    accepted = staff_client.post(
        admin_url("add", model="look"),
        {
            "name": "Autumn",
            "owner": "ORGANIZATION",
            "organization": organization.pk,
            "products": [own.pk],
        },
    )

    assert list(errors_of(rejected)) == ["products"]
    assert accepted.status_code == 302
    assert list(Look.objects.get().products.all()) == [own]


def test_media_are_shown_with_links(staff_client: Client, superuser: User) -> None:
    shoe, resource = product(superuser), rows.resource(superuser)
    rows.attachment(resource, shoe)

    page = staff_client.get(admin_url("change", shoe.pk)).content.decode()
    listed = staff_client.get(admin_url("changelist")).content.decode()

    for html in (page, listed):
        assert f'<img src="{public_url(thumbnail_key(resource.pk))}"' in html
    assert reverse("admin:media_mediaresource_change", args=[resource.pk]) in page
    assert (
        f'{reverse("admin:media_attachment_changelist")}?q={shoe.pk}" class="{LINK_CLASSES}">1<'
        in listed
    )
