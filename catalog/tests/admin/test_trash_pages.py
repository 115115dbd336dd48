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


def admin_url(act: str, *args: Any, model: str = "catalog_product") -> str:
    return reverse(f"admin:{model}_{act}", args=args)


def products(user: User) -> tuple[Product, Product]:
    """Return a live product and a deleted one with the same SKU."""
    gone = Product.objects.create(user=user, name="Gone boot", sku="A-1")
    entities.set_deleted(Product, [gone], deleted_at=Now())
    return Product.objects.create(user=user, name="Kept shoe", sku="A-1"), gone


def restore(client: Client, *picked: Any, model: str = "catalog_product") -> list[str]:
    form = {"action": "restore", "_selected_action": [str(row.pk) for row in picked]}
    response = client.post(admin_url("changelist", model=model) + TRASH, form)
    assert response.status_code == 302
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_each_list_shows_live_or_deleted_rows(staff_client: Client, superuser: User) -> None:
    kept, gone = products(superuser)

    live = staff_client.get(admin_url("changelist")).content.decode()
    trash = staff_client.get(admin_url("changelist") + TRASH).content.decode()

    assert (kept.name in live, gone.name in live) == (True, False)
    assert (kept.name in trash, gone.name in trash) == (False, True)
    assert "Purged after" in trash
    assert ('value="restore"' in live, 'value="delete_selected"' in live) == (False, True)
    assert ('value="restore"' in trash, 'value="delete_selected"' in trash) == (True, False)


def test_restoring_names_rows_that_cannot_be_restored(
    staff_client: Client, superuser: User
) -> None:
    _, gone = products(superuser)
    other = Product.objects.create(user=superuser, name="Other", sku="A-2")
    entities.set_deleted(Product, [other], deleted_at=Now())

    messages = restore(staff_client, gone, other)

    assert sorted(messages) == [
        "1 restored.",
        (
            "Gone boot: Another product has this SKU now. Change its SKU or delete it, then restore"
            " this product."
        ),
    ]
    assert Product.objects.filter(pk=other.pk).exists()
    assert Product.with_deleted.in_trash().get() == gone


def test_a_deleted_row_is_shown_but_not_changed(staff_client: Client, superuser: User) -> None:
    _, gone = products(superuser)

    page = staff_client.get(admin_url("change", gone.pk)).content.decode()
    changed = staff_client.post(admin_url("change", gone.pk), {"name": "Changed"})
    deleted = staff_client.post(admin_url("delete", gone.pk), {"post": "yes"})

    assert "Purged after" in page
    assert 'name="_save"' not in page
    assert (changed.status_code, deleted.status_code) == (403, 403)


def test_the_confirmation_says_that_the_row_can_be_restored(
    staff_client: Client, superuser: User
) -> None:
    kept, _ = products(superuser)
    resource = rows.resource(superuser)
    form = {"action": "delete_selected", "_selected_action": [str(kept.pk)]}

    pages = [
        staff_client.get(admin_url("delete", kept.pk)),
        staff_client.post(admin_url("changelist"), form),
        staff_client.get(admin_url("delete", resource.pk, model="media_mediaresource")),
    ]

    assert all("can be restored until" in page.content.decode() for page in pages)


def test_deleted_rows_are_no_choices(staff_client: Client, superuser: User) -> None:
    kept, _gone = products(superuser)
    query = {"app_label": "catalog", "model_name": "look", "field_name": "products"}

    choices = staff_client.get(reverse("admin:autocomplete"), query).json()["results"]

    assert [choice["id"] for choice in choices] == [str(kept.pk)]


def test_saving_a_look_keeps_its_deleted_subject(staff_client: Client, superuser: User) -> None:
    subject = Subject.objects.create(user=superuser, name="Ada", slug="ada")
    look = Look.objects.create(user=superuser, name="Look", subject=subject)
    _, gone = products(superuser)
    look.products.set([gone])
    entities.set_deleted(Subject, [subject], deleted_at=Now())

    form = {"name": "Renamed", "subject": "", "products": [], "export_configuration": ""}
    response = staff_client.post(admin_url("change", look.pk, model="catalog_look"), form)

    look.refresh_from_db()
    assert response.status_code == 302
    assert (look.name, look.subject, look.live_subject) == ("Renamed", subject, None)
    assert Look.products.through.objects.get().product_id == gone.pk


def test_a_deleted_resource_is_restored(staff_client: Client, superuser: User) -> None:
    gone = rows.resource(superuser, deleted_at=Now())
    other = rows.resource(superuser, deleted_at=Now())

    messages = restore(staff_client, gone, model="media_mediaresource")

    assert messages == ["1 restored."]
    assert MediaResource.objects.get() == gone
    assert MediaResource.with_deleted.in_trash().get() == other
