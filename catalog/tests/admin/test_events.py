"""Changes in the admin leave the same events as changes by the API."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Organization, Role, User
from accounts.tests.factories import MembershipFactory, OrganizationFactory, UserFactory
from catalog.models import Product
from sartiq.core.models import ActorKind, Event

pytestmark = pytest.mark.django_db


def url(page: str, *args: Any) -> str:
    return reverse(f"admin:{page}", args=args)


def actions_of(row: Any) -> list[str]:
    rows = Event.objects.filter(object_id=row.pk).order_by("created_at")
    return list(rows.values_list("action", flat=True))


def test_an_entity_is_added_changed_and_deleted(superuser_client: Client, superuser: User) -> None:
    form = {"owner": "PERSONAL", "organization": "", "name": "Shoe", "sku": "S-1"}
    other_product = Product.objects.create(user=superuser, name="Boot")

    superuser_client.post(url("catalog_product_add"), form)
    product = Product.objects.get(sku="S-1")
    change_url = url("catalog_product_change", product.pk)
    superuser_client.post(change_url, {"name": "Sandal", "sku": "S-1"})
    superuser_client.post(change_url, {"name": "Sandal", "sku": "S-1"})  # changes nothing
    superuser_client.post(url("catalog_product_delete", product.pk), {"post": "yes"})

    assert actions_of(product) == ["product.created", "product.updated", "product.deleted"]
    assert actions_of(other_product) == []
    update_event = Event.objects.get(action="product.updated")
    assert update_event.details == {"fields": ["name"]}
    assert (update_event.actor_kind, update_event.actor_id) == (ActorKind.STAFF, superuser.pk)


def test_a_bulk_deletion_names_each_entity(superuser_client: Client, superuser: User) -> None:
    products = [Product.objects.create(user=superuser, name=f"Shoe {n}") for n in range(3)]
    selected_pks = [str(product.pk) for product in products[:2]]
    data = {"action": "delete_selected", "_selected_action": selected_pks, "post": "yes"}

    superuser_client.post(url("catalog_product_changelist"), data)

    assert [actions_of(product) for product in products] == [
        *(["product.deleted"], ["product.deleted"], [])
    ]


def test_members_on_the_page_of_an_organization(superuser_client: Client, superuser: User) -> None:
    owner = MembershipFactory.create(role=Role.OWNER)
    member = MembershipFactory.create(organization=owner.organization)
    newcomer = UserFactory.create()
    page = url("accounts_organization_change", owner.organization.pk)
    form = {
        "name": owner.organization.name,
        "slug": owner.organization.slug,
        "memberships-TOTAL_FORMS": "3",
        "memberships-INITIAL_FORMS": "2",
        "memberships-0-id": str(owner.pk),
        "memberships-0-organization": str(owner.organization.pk),
        "memberships-0-user": str(owner.user.pk),
        "memberships-0-role": "OWNER",
        "memberships-1-id": str(member.pk),
        "memberships-1-organization": str(owner.organization.pk),
        "memberships-1-user": str(member.user.pk),
        "memberships-1-role": "MEMBER",
        "memberships-1-DELETE": "on",
        "memberships-2-organization": str(owner.organization.pk),
        "memberships-2-user": str(newcomer.pk),
        "memberships-2-role": "ADMIN",
    }

    response = superuser_client.post(page, form)

    assert response.status_code == 302
    events = Event.objects.order_by("action").values_list("action", "user_id", "organization_id")
    assert list(events) == [
        ("member.added", newcomer.pk, owner.organization.pk),
        ("member.removed", member.user.pk, owner.organization.pk),
    ]


def test_a_password_set_by_staff_is_recorded_without_it(
    superuser_client: Client, superuser: User
) -> None:
    user = UserFactory.create()
    page = url("auth_user_password_change", user.pk)
    password = "another-long-horse"

    superuser_client.post(page, {"password1": "short", "password2": "x", "usable_password": "true"})
    response = superuser_client.post(
        page, {"password1": password, "password2": password, "usable_password": "true"}
    )

    assert response.status_code == 302
    event = Event.objects.get()
    assert (event.action, event.object_id) == ("user.password_changed", user.pk)
    assert password not in str(event.details)


def test_a_deleted_organization_is_recorded(superuser_client: Client, superuser: User) -> None:
    organization: Organization = OrganizationFactory.create()

    superuser_client.post(url("accounts_organization_delete", organization.pk), {"post": "yes"})

    event = Event.objects.get()
    assert (event.action, event.organization_id) == ("organization.deleted", organization.pk)


def test_events_are_found_by_object_and_owner_and_are_read_only(
    superuser_client: Client, superuser: User
) -> None:
    product = Product.objects.create(user=superuser, name="Shoe")
    superuser_client.post(url("catalog_product_delete", product.pk), {"post": "yes"})
    event = Event.objects.get()

    for term, expected_count in [(product.pk, 1), (superuser.pk, 1), (event.pk, 0), ("shoe", 0)]:
        page = superuser_client.get(url("core_event_changelist"), {"q": str(term)})
        assert page.context["cl"].result_count == expected_count
    detail = superuser_client.get(url("core_event_change", event.pk)).content.decode()

    assert "Product deleted" in detail
    assert str(product.pk) in detail
    assert (
        superuser_client.post(url("core_event_delete", event.pk), {"post": "yes"}).status_code
        == 403
    )
    assert Event.objects.get() == event


def test_a_long_list_of_events_is_not_counted_to_its_end(
    superuser_client: Client, superuser: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sartiq.core.admin_base.MAX_COUNTED", 2)
    for n in range(3):
        Event.objects.create(action=f"a.{n}", object_type="a", actor_kind=ActorKind.COMMAND)

    page = superuser_client.get(url("core_event_changelist"))

    assert page.context["cl"].result_count == 2
