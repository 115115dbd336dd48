from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from accounts.models import Membership, Role, User
from accounts.tests.conftest import Team
from accounts.tests.factories import MembershipFactory, UserFactory

BACKEND = "django.contrib.auth.backends.ModelBackend"
SCRIPT = "<script>alert(1)</script>"


def client_signed_in_as(user: User) -> Client:
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


def admin_path(model: str, view: str, *args: Any) -> str:
    return reverse(f"admin:accounts_{model}_{view}", args=args)


@pytest.fixture
def client(team: Team) -> Client:
    return client_signed_in_as(team.superuser)


@pytest.mark.parametrize("model", ["user", "organization", "membership"])
def test_lists_are_searched_and_filtered(client: Client, team: Team, model: str) -> None:
    all_results = client.get(admin_path(model, "changelist"))
    no_results = client.get(admin_path(model, "changelist"), {"q": "nothing like this"})

    assert (all_results.status_code, no_results.status_code) == (200, 200)
    assert all_results.context["cl"].result_count > 0
    assert no_results.context["cl"].result_count == 0


def test_related_rows_are_linked(client: Client, team: Team) -> None:
    membership = team.member.memberships.get()

    members = client.get(admin_path("membership", "changelist")).content.decode()
    organizations = client.get(admin_path("organization", "changelist")).content.decode()
    user = client.get(admin_path("user", "change", team.member.pk)).content.decode()

    assert admin_path("user", "change", team.member.pk) in members
    assert admin_path("organization", "change", team.organization.pk) in members
    query = (
        f"{admin_path('membership', 'changelist')}?organization__id__exact={team.organization.pk}"
    )
    assert f'href="{query}">3<' in organizations
    assert admin_path("membership", "change", membership.pk) in user
    assert client.get(query).context["cl"].result_count == 3


@pytest.mark.covers("T49")
def test_a_name_is_shown_as_text(client: Client, team: Team) -> None:
    team.organization.name = SCRIPT
    team.organization.save()
    UserFactory.create(full_name=SCRIPT)

    for model in ("user", "organization", "membership"):
        assert SCRIPT not in client.get(admin_path(model, "changelist")).content.decode()
    change = client.get(admin_path("organization", "change", team.organization.pk))
    assert SCRIPT not in change.content.decode()


def test_a_user_is_added_and_changed(client: Client) -> None:
    form = {
        "email": "New@EXAMPLE.com",
        "full_name": "New",
        "usable_password": "true",
        "password1": "a-quite-new-password",
        "password2": "a-quite-new-password",
    }

    add_response = client.post(admin_path("user", "add"), form)

    user = User.objects.get(email="New@example.com")
    assert add_response.status_code == 302
    assert user.check_password("a-quite-new-password")
    second_response = client.post(admin_path("user", "add"), {**form, "email": "new@example.com"})
    assert second_response.status_code == 200
    assert "already exists" in second_response.content.decode()
    assert User.objects.with_email("new@example.com").count() == 1


def user_form(user: User, **changes: Any) -> dict[str, Any]:
    management = {"TOTAL_FORMS": 0, "INITIAL_FORMS": 0}
    return {
        "email": user.email,
        "full_name": user.full_name,
        **{f"memberships-{name}": value for name, value in management.items()},
        **changes,
    }


def test_the_last_superuser_keeps_the_permission(client: Client, team: Team) -> None:
    path = admin_path("user", "change", team.superuser.pk)

    response = client.post(path, user_form(team.superuser, is_staff="on", is_active="on"))

    team.superuser.refresh_from_db()
    assert response.status_code == 200
    assert "At least one active superuser is needed" in response.content.decode()
    assert team.superuser.is_superuser


def test_only_superusers_grant_permissions(client: Client, team: Team) -> None:
    path = admin_path("user", "change", team.member.pk)

    response = client.post(
        path, user_form(team.member, is_staff="on", is_active="on", is_superuser="on")
    )

    team.member.refresh_from_db()
    assert response.status_code == 302
    assert (team.member.is_staff, team.member.is_superuser) == (True, True)


def test_deleting_a_user_anonymizes_it(client: Client, team: Team) -> None:
    path = admin_path("user", "delete", team.member.pk)
    email = team.member.email

    confirmation = client.get(path).content.decode()
    final_response = client.post(path, {"post": "yes"})

    team.member.refresh_from_db()
    assert "disabled and anonymized; the rows they created are kept" in confirmation
    assert final_response.status_code == 302
    assert team.member.deleted_at is not None
    assert not team.member.is_active
    assert not Membership.objects.filter(user=team.member).exists()
    assert not LogEntry.objects.filter(object_repr__contains=email).exists()


def test_deleting_the_last_owner_shows_the_reason(client: Client, team: Team) -> None:
    response = client.post(
        admin_path("user", "delete", team.owner.pk), {"post": "yes"}, follow=True
    )

    team.owner.refresh_from_db()
    assert "An organization needs at least one owner" in response.content.decode()
    assert "was deleted successfully" not in response.content.decode()
    assert team.owner.is_active


def test_users_are_not_deleted_in_bulk(client: Client, team: Team) -> None:
    form = {"action": "delete_selected", "_selected_action": [str(team.member.pk)], "post": "yes"}

    client.post(admin_path("user", "changelist"), form)

    team.member.refresh_from_db()
    assert team.member.is_active
    assert team.member.deleted_at is None


def test_a_deleted_user_is_read_only(client: Client, team: Team) -> None:
    client.post(admin_path("user", "delete", team.member.pk), {"post": "yes"})
    path = admin_path("user", "change", team.member.pk)
    team.member.refresh_from_db()

    change_response = client.post(path, user_form(team.member, is_active="on"))

    team.member.refresh_from_db()
    assert client.get(path).status_code == 200
    assert change_response.status_code == 403
    assert not team.member.is_active


@pytest.mark.covers("T40")
def test_staff_cannot_give_themselves_permissions(team: Team) -> None:
    staff = UserFactory.create(is_staff=True)
    client = client_signed_in_as(staff)

    responses = [
        client.post(admin_path("user", "change", staff.pk), user_form(staff, is_superuser="on")),
        client.post(admin_path("user", "add"), {}),
        client.post(admin_path("user", "delete", team.member.pk), {"post": "yes"}),
    ]

    staff.refresh_from_db()
    assert [response.status_code for response in responses] == [403, 403, 403]
    assert not staff.is_superuser


def test_members_are_edited_on_the_organizations_page(client: Client, team: Team) -> None:
    newcomer = MembershipFactory.create().user
    form = {
        "name": team.other_organization.name,
        "slug": team.other_organization.slug,
        "memberships-TOTAL_FORMS": 1,
        "memberships-INITIAL_FORMS": 0,
        "memberships-0-user": str(newcomer.pk),
        "memberships-0-role": "ADMIN",
        "memberships-0-organization": str(team.other_organization.pk),
    }

    response = client.post(admin_path("organization", "change", team.other_organization.pk), form)

    assert response.status_code == 302
    assert team.other_organization.memberships.get(user=newcomer).role == Role.ADMIN
