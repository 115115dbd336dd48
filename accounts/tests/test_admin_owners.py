"""The last owner of an organization stays one on every path of the admin."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from accounts.models import Membership, Role
from accounts.tests.conftest import Cast
from accounts.tests.factories import MembershipFactory, UserFactory
from accounts.tests.test_admin import changed_form, entered_by, page

REFUSED = "An organization needs at least one owner"


@pytest.fixture
def client(cast: Cast) -> Client:
    return entered_by(cast.superuser)


@pytest.fixture
def sole(cast: Cast) -> Membership:
    return cast.owner.memberships.get()


def own_page(membership: Membership, **changes: Any) -> dict[str, Any]:
    unchanged = {"user": membership.user_id, "organization": membership.organization_id}
    return {**unchanged, "role": membership.role, **changes}


def inline(*memberships: Membership, **changes: Any) -> dict[str, Any]:
    form: dict[str, Any] = {
        "memberships-TOTAL_FORMS": len(memberships),
        "memberships-INITIAL_FORMS": len(memberships),
    }
    for number, each in enumerate(memberships):
        for name in ("id", "user_id", "organization_id", "role"):
            form[f"memberships-{number}-{name.removesuffix('_id')}"] = str(getattr(each, name))
    return {**form, **{name.replace("__", "-"): value for name, value in changes.items()}}


def organization_form(cast: Cast, *memberships: Membership, **changes: Any) -> dict[str, Any]:
    facts = {"name": "Renamed", "slug": cast.organization.slug}
    return facts | inline(*memberships, **changes)


def require_refused(client: Client, path: str, form: dict[str, Any], sole: Membership) -> None:
    response = client.post(path, form, follow=True)

    assert response.status_code == 200
    assert REFUSED in response.content.decode()
    assert "successfully" not in response.content.decode()
    assert Membership.objects.filter(
        pk=sole.pk, user=sole.user, organization=sole.organization, role=Role.OWNER
    ).exists()


@pytest.mark.parametrize("role", [Role.ADMIN, Role.MEMBER])
def test_the_page_of_the_membership_refuses_another_role(
    client: Client, sole: Membership, role: Role
) -> None:
    form = own_page(sole, role=role)

    require_refused(client, page("membership", "change", sole.pk), form, sole)


def test_the_page_refuses_to_move_the_owner_elsewhere(
    client: Client, cast: Cast, sole: Membership
) -> None:
    path = page("membership", "change", sole.pk)
    disabled = UserFactory.create(is_active=False)

    for moved in ({"organization": cast.other_organization.pk}, {"user": disabled.pk}):
        require_refused(client, path, own_page(sole, **moved), sole)


def test_the_page_hands_ownership_to_another_user(
    client: Client, cast: Cast, sole: Membership
) -> None:
    heir = UserFactory.create()

    response = client.post(
        page("membership", "change", sole.pk), own_page(sole, user=heir.pk), follow=True
    )

    assert "successfully" in response.content.decode()
    assert cast.organization.memberships.owners().get().user == heir


@pytest.mark.parametrize(
    "change", [{"memberships__0__role": "ADMIN"}, {"memberships__0__DELETE": "on"}]
)
def test_the_page_of_the_organization_refuses(
    client: Client, cast: Cast, sole: Membership, change: dict[str, str]
) -> None:
    path = page("organization", "change", cast.organization.pk)

    require_refused(client, path, organization_form(cast, sole, **change), sole)

    cast.organization.refresh_from_db()
    assert cast.organization.name != "Renamed"


def test_one_owner_follows_another_in_one_step(
    client: Client, cast: Cast, sole: Membership
) -> None:
    heir = cast.admin.memberships.get()
    swap = {"memberships__0__role": "MEMBER", "memberships__1__role": "OWNER"}

    client.post(
        page("organization", "change", cast.organization.pk),
        organization_form(cast, sole, heir, **swap),
    )

    assert cast.organization.memberships.owners().get() == heir


@pytest.mark.parametrize(
    "change", [{"memberships__0__role": "ADMIN"}, {"memberships__0__DELETE": "on"}]
)
def test_the_page_of_the_user_refuses(
    client: Client, cast: Cast, sole: Membership, change: dict[str, str]
) -> None:
    form = changed_form(cast.owner, is_active="on", **inline(sole, **change))

    require_refused(client, page("user", "change", cast.owner.pk), form, sole)


def test_deleting_the_membership_is_refused(client: Client, sole: Membership) -> None:
    path = page("membership", "delete", sole.pk)

    assert REFUSED in client.get(path).content.decode()
    require_refused(client, path, {"post": "yes"}, sole)


def test_deleting_many_memberships_is_refused_as_a_whole(
    client: Client, cast: Cast, sole: Membership
) -> None:
    second = MembershipFactory.create(organization=cast.organization, role=Role.OWNER)
    chosen = [str(sole.pk), str(second.pk)]
    form = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}

    require_refused(client, page("membership", "changelist"), form, sole)

    assert Membership.objects.filter(pk=second.pk).exists()
    client.post(page("membership", "changelist"), {**form, "_selected_action": chosen[1:]})
    assert not Membership.objects.filter(pk=second.pk).exists()


def test_a_disabled_second_owner_does_not_count(
    client: Client, cast: Cast, sole: Membership
) -> None:
    disabled = UserFactory.create(is_active=False)
    MembershipFactory.create(user=disabled, organization=cast.organization, role=Role.OWNER)

    form = own_page(sole, role="MEMBER")

    require_refused(client, page("membership", "change", sole.pk), form, sole)


def test_deleting_the_organization_ends_its_memberships(client: Client, cast: Cast) -> None:
    client.post(page("organization", "delete", cast.other_organization.pk), {"post": "yes"})

    assert not Membership.objects.filter(organization_id=cast.other_organization.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_two_owners_do_not_demote_each_other_at_once(client: Client, cast: Cast) -> None:
    first = cast.owner.memberships.get()
    second = MembershipFactory.create(organization=cast.organization, role=Role.OWNER)

    def demote(membership: Membership) -> None:
        try:
            own = entered_by(cast.superuser)
            form = own_page(membership, role="ADMIN")
            own.post(page("membership", "change", membership.pk), form)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(demote, (first, second)))

    assert cast.organization.memberships.owners().count() == 1
