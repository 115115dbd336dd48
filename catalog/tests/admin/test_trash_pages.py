"""The trash in the admin: its list, restoring, and what cannot be done with deleted rows."""

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse

from accounts.models import User
from catalog.models import Look, Product, Subject
from catalog.services import entities
from media.models import MediaResource
from media.tests.admin import rows

pytestmark = pytest.mark.django_db
TRASH = "?deleted=yes"


def admin_url(view: str, *args: Any, model: str = "catalog_product") -> str:
    return reverse(f"admin:{model}_{view}", args=args)


def products(user: User) -> tuple[Product, Product]:
    """Return a live product and a deleted one with the same SKU."""
    deleted_product = Product.objects.create(user=user, name="Gone boot", sku="A-1")
    entities.set_deleted(Product, [deleted_product], deleted_at=Now())
    return Product.objects.create(user=user, name="Kept shoe", sku="A-1"), deleted_product


def restore(client: Client, *picked: Any, model: str = "catalog_product") -> list[str]:
    form = {"action": "restore", "_selected_action": [str(row.pk) for row in picked]}
    response = client.post(admin_url("changelist", model=model) + TRASH, form)
    assert response.status_code == 302
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_each_list_shows_live_or_deleted_rows(superuser_client: Client, superuser: User) -> None:
    live_product, deleted_product = products(superuser)

    live_page = superuser_client.get(admin_url("changelist")).content.decode()
    trash_page = superuser_client.get(admin_url("changelist") + TRASH).content.decode()

    assert (live_product.name in live_page, deleted_product.name in live_page) == (True, False)
    assert (live_product.name in trash_page, deleted_product.name in trash_page) == (False, True)
    assert "Purged after" in trash_page
    assert ('value="restore"' in live_page, 'value="delete_selected"' in live_page) == (False, True)
    assert ('value="restore"' in trash_page, 'value="delete_selected"' in trash_page) == (
        True,
        False,
    )


def test_restoring_names_rows_that_cannot_be_restored(
    superuser_client: Client, superuser: User
) -> None:
    _, deleted_product = products(superuser)
    other_product = Product.objects.create(user=superuser, name="Other", sku="A-2")
    entities.set_deleted(Product, [other_product], deleted_at=Now())

    messages = restore(superuser_client, deleted_product, other_product)

    assert sorted(messages) == [
        "1 restored.",
        (
            "Gone boot: Another product has this SKU now. Change its SKU or delete it, then restore"
            " this product."
        ),
    ]
    assert Product.objects.filter(pk=other_product.pk).exists()
    assert Product.with_deleted.in_trash().get() == deleted_product


def test_a_deleted_row_is_shown_but_not_changed(superuser_client: Client, superuser: User) -> None:
    _, deleted_product = products(superuser)

    page = superuser_client.get(admin_url("change", deleted_product.pk)).content.decode()
    change_response = superuser_client.post(
        admin_url("change", deleted_product.pk), {"name": "Changed"}
    )
    delete_response = superuser_client.post(
        admin_url("delete", deleted_product.pk), {"post": "yes"}
    )

    assert "Purged after" in page
    assert 'name="_save"' not in page
    assert (change_response.status_code, delete_response.status_code) == (403, 403)


def test_the_confirmation_says_that_the_row_can_be_restored(
    superuser_client: Client, superuser: User
) -> None:
    live_product, _ = products(superuser)
    resource = rows.resource(superuser)
    form = {"action": "delete_selected", "_selected_action": [str(live_product.pk)]}

    pages = [
        superuser_client.get(admin_url("delete", live_product.pk)),
        superuser_client.post(admin_url("changelist"), form),
        superuser_client.get(admin_url("delete", resource.pk, model="media_mediaresource")),
    ]

    assert all("can be restored until" in page.content.decode() for page in pages)


def test_deleted_rows_are_no_choices(superuser_client: Client, superuser: User) -> None:
    live_product, _deleted_product = products(superuser)
    query = {"app_label": "catalog", "model_name": "look", "field_name": "products"}

    choices = superuser_client.get(reverse("admin:autocomplete"), query).json()["results"]

    assert [choice["id"] for choice in choices] == [str(live_product.pk)]


def test_saving_a_look_keeps_its_deleted_subject(superuser_client: Client, superuser: User) -> None:
    subject = Subject.objects.create(user=superuser, name="Ada", slug="ada")
    look = Look.objects.create(user=superuser, name="Look", subject=subject)
    _, deleted_product = products(superuser)
    look.products.set([deleted_product])
    entities.set_deleted(Subject, [subject], deleted_at=Now())

    form = {"name": "Renamed", "subject": "", "products": [], "export_configuration": ""}
    response = superuser_client.post(admin_url("change", look.pk, model="catalog_look"), form)

    look.refresh_from_db()
    assert response.status_code == 302
    assert (look.name, look.subject, look.live_subject) == ("Renamed", subject, None)
    assert Look.products.through.objects.get().product_id == deleted_product.pk


def test_a_deleted_resource_is_restored(superuser_client: Client, superuser: User) -> None:
    deleted_resource = rows.resource(superuser, deleted_at=Now())
    other_resource = rows.resource(superuser, deleted_at=Now())

    messages = restore(superuser_client, deleted_resource, model="media_mediaresource")

    assert messages == ["1 restored."]
    assert MediaResource.objects.get() == deleted_resource
    assert MediaResource.with_deleted.in_trash().get() == other_resource
