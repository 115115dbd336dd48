"""No admin page removes the last owner of an organization."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from accounts.models import Membership, Role
from accounts.tests.conftest import Team
from accounts.tests.factories import MembershipFactory, UserFactory
from accounts.tests.test_admin import admin_path, client_signed_in_as, user_form

REFUSED = "An organization needs at least one owner"


@pytest.fixture
def client(team: Team) -> Client:
    return client_signed_in_as(team.superuser)


@pytest.fixture
def membership_of_owner(team: Team) -> Membership:
    return team.owner.memberships.get()


def membership_form(membership: Membership, **changes: Any) -> dict[str, Any]:
    unchanged = {"user": membership.user_id, "organization": membership.organization_id}
    return {**unchanged, "role": membership.role, **changes}


def inline_form_data(*memberships: Membership, **changes: Any) -> dict[str, Any]:
    form: dict[str, Any] = {
        "memberships-TOTAL_FORMS": len(memberships),
        "memberships-INITIAL_FORMS": len(memberships),
    }
    for number, membership in enumerate(memberships):
        for name in ("id", "user_id", "organization_id", "role"):
            form[f"memberships-{number}-{name.removesuffix('_id')}"] = str(
                getattr(membership, name)
            )
    return {**form, **{name.replace("__", "-"): value for name, value in changes.items()}}


def organization_form(team: Team, *memberships: Membership, **changes: Any) -> dict[str, Any]:
    fields = {"name": "Renamed", "slug": team.organization.slug}
    return fields | inline_form_data(*memberships, **changes)


def require_refused(
    client: Client, path: str, form: dict[str, Any], membership_of_owner: Membership
) -> None:
    response = client.post(path, form, follow=True)

    assert response.status_code == 200
    assert REFUSED in response.content.decode()
    assert "successfully" not in response.content.decode()
    assert Membership.objects.filter(
        pk=membership_of_owner.pk,
        user=membership_of_owner.user,
        organization=membership_of_owner.organization,
        role=Role.OWNER,
    ).exists()


@pytest.mark.parametrize("role", [Role.ADMIN, Role.MEMBER])
def test_the_membership_page_refuses_to_demote_the_last_owner(
    client: Client, membership_of_owner: Membership, role: Role
) -> None:
    form = membership_form(membership_of_owner, role=role)

    require_refused(
        client,
        admin_path("membership", "change", membership_of_owner.pk),
        form,
        membership_of_owner,
    )


def test_the_membership_page_refuses_to_move_the_last_owner(
    client: Client, team: Team, membership_of_owner: Membership
) -> None:
    path = admin_path("membership", "change", membership_of_owner.pk)
    disabled = UserFactory.create(is_active=False)

    for change in ({"organization": team.other_organization.pk}, {"user": disabled.pk}):
        require_refused(
            client, path, membership_form(membership_of_owner, **change), membership_of_owner
        )


def test_the_page_hands_ownership_to_another_user(
    client: Client, team: Team, membership_of_owner: Membership
) -> None:
    new_owner = UserFactory.create()

    response = client.post(
        admin_path("membership", "change", membership_of_owner.pk),
        membership_form(membership_of_owner, user=new_owner.pk),
        follow=True,
    )

    assert "successfully" in response.content.decode()
    assert team.organization.memberships.owners().get().user == new_owner


@pytest.mark.parametrize(
    "change", [{"memberships__0__role": "ADMIN"}, {"memberships__0__DELETE": "on"}]
)
def test_the_organization_page_refuses_to_remove_the_last_owner(
    client: Client, team: Team, membership_of_owner: Membership, change: dict[str, str]
) -> None:
    path = admin_path("organization", "change", team.organization.pk)

    require_refused(
        client, path, organization_form(team, membership_of_owner, **change), membership_of_owner
    )

    team.organization.refresh_from_db()
    assert team.organization.name != "Renamed"


def test_one_owner_can_replace_another_in_one_step(
    client: Client, team: Team, membership_of_owner: Membership
) -> None:
    new_owner_membership = team.admin.memberships.get()
    swap = {"memberships__0__role": "MEMBER", "memberships__1__role": "OWNER"}

    client.post(
        admin_path("organization", "change", team.organization.pk),
        organization_form(team, membership_of_owner, new_owner_membership, **swap),
    )

    assert team.organization.memberships.owners().get() == new_owner_membership


@pytest.mark.parametrize(
    "change", [{"memberships__0__role": "ADMIN"}, {"memberships__0__DELETE": "on"}]
)
def test_the_user_page_refuses_to_remove_the_last_owner(
    client: Client, team: Team, membership_of_owner: Membership, change: dict[str, str]
) -> None:
    form = user_form(team.owner, is_active="on", **inline_form_data(membership_of_owner, **change))

    require_refused(client, admin_path("user", "change", team.owner.pk), form, membership_of_owner)


def test_deleting_the_membership_is_refused(
    client: Client, membership_of_owner: Membership
) -> None:
    path = admin_path("membership", "delete", membership_of_owner.pk)

    assert REFUSED in client.get(path).content.decode()
    require_refused(client, path, {"post": "yes"}, membership_of_owner)


def test_deleting_many_memberships_is_refused_as_a_whole(
    client: Client, team: Team, membership_of_owner: Membership
) -> None:
    second = MembershipFactory.create(organization=team.organization, role=Role.OWNER)
    pks = [str(membership_of_owner.pk), str(second.pk)]
    form = {"action": "delete_selected", "_selected_action": pks, "post": "yes"}

    require_refused(client, admin_path("membership", "changelist"), form, membership_of_owner)

    assert Membership.objects.filter(pk=second.pk).exists()
    client.post(admin_path("membership", "changelist"), {**form, "_selected_action": pks[1:]})
    assert not Membership.objects.filter(pk=second.pk).exists()


def test_a_disabled_second_owner_does_not_count(
    client: Client, team: Team, membership_of_owner: Membership
) -> None:
    disabled = UserFactory.create(is_active=False)
    MembershipFactory.create(user=disabled, organization=team.organization, role=Role.OWNER)

    form = membership_form(membership_of_owner, role="MEMBER")

    require_refused(
        client,
        admin_path("membership", "change", membership_of_owner.pk),
        form,
        membership_of_owner,
    )


def test_deleting_the_organization_ends_its_memberships(client: Client, team: Team) -> None:
    client.post(admin_path("organization", "delete", team.other_organization.pk), {"post": "yes"})

    assert not Membership.objects.filter(organization_id=team.other_organization.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_two_owners_do_not_demote_each_other_at_once(client: Client, team: Team) -> None:
    first = team.owner.memberships.get()
    second = MembershipFactory.create(organization=team.organization, role=Role.OWNER)

    def demote(membership: Membership) -> None:
        try:
            own_client = client_signed_in_as(team.superuser)
            form = membership_form(membership, role="ADMIN")
            own_client.post(admin_path("membership", "change", membership.pk), form)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(demote, (first, second)))

    assert team.organization.memberships.owners().count() == 1
