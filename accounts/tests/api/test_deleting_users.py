"""Deleting users over HTTP."""

import pytest
from axes.models import AccessAttempt
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Membership, Organization, Role, User
from accounts.services import users
from accounts.tests.api.user_requests import ME, NEW_PASSWORD, NOT_FOUND, USERS, may_sign_in
from accounts.tests.conftest import Team
from accounts.tests.factories import (
    PASSWORD,
    MembershipFactory,
    UserFactory,
    client_of,
)

pytestmark = pytest.mark.django_db


def test_a_deleted_user_is_disabled_and_anonymized_but_the_row_stays(team: Team) -> None:
    email, client = team.member.email, client_of(team.member)
    superuser = client_of(team.superuser)

    response = superuser.delete(f"{USERS}{team.member.pk}")

    user = User.objects.get(pk=team.member.pk)
    assert (response.status_code, response.content) == (204, b"")
    assert (user.is_active, user.full_name) == (False, "Deleted user")
    assert user.email == f"deleted-{user.pk}@deleted.invalid"
    assert user.deleted_at is not None
    assert not user.has_usable_password()
    assert not Membership.objects.filter(user=user).exists()
    assert client.get(ME).status_code == 401
    assert not may_sign_in(email, PASSWORD)
    second_response = superuser.delete(f"{USERS}{user.pk}")
    assert (second_response.status_code, second_response.json()) == (404, NOT_FOUND)
    assert superuser.get(f"{USERS}{user.pk}").status_code == 404
    assert str(user.pk) not in {row["id"] for row in superuser.get(USERS).json()["data"]}


def test_the_address_of_a_deleted_user_can_be_used_again(team: Team) -> None:
    email = team.member.email
    client = client_of(team.superuser)
    client.delete(f"{USERS}{team.member.pk}")

    response = client.post(USERS, {"email": email, "password": NEW_PASSWORD})

    assert response.status_code == 201


def test_the_last_owner_of_an_organization_with_members_is_not_deleted(team: Team) -> None:
    response = client_of(team.superuser).delete(f"{USERS}{team.owner.pk}")

    team.owner.refresh_from_db()
    assert (response.status_code, response.json()) == (
        409,
        {"detail": "An organization needs at least one owner"},
    )
    assert team.owner.is_active
    assert team.owner.memberships.get().role == Role.OWNER


def test_the_only_member_of_an_organization_can_be_deleted(team: Team) -> None:
    response = client_of(team.superuser).delete(f"{USERS}{team.outsider.pk}")

    assert response.status_code == 204
    assert Organization.objects.filter(pk=team.other_organization.pk).exists()


def test_one_of_two_owners_is_deleted(team: Team) -> None:
    MembershipFactory.create(organization=team.organization, role=Role.OWNER)

    response = client_of(team.superuser).delete(f"{USERS}{team.owner.pk}")

    assert response.status_code == 204


@pytest.mark.parametrize("change", [{"is_superuser": False}, {"is_active": False}, None])
def test_the_last_superuser_cannot_be_deleted_demoted_or_disabled(
    team: Team, change: dict[str, bool] | None
) -> None:
    client, path = client_of(team.superuser), f"{USERS}{team.superuser.pk}"
    UserFactory.create(superuser=True, is_active=False)  # a disabled one does not count

    response = client.delete(path) if change is None else client.patch(path, change)

    team.superuser.refresh_from_db()
    assert (response.status_code, response.json()) == (
        409,
        {"detail": "At least one active superuser is needed"},
    )
    assert (team.superuser.is_active, team.superuser.is_superuser) == (True, True)


def test_one_of_two_superusers_can_be_deleted(team: Team) -> None:
    other = UserFactory.create(superuser=True)

    assert client_of(team.superuser).delete(f"{USERS}{other.pk}").status_code == 204


def test_deleting_removes_the_address_from_every_table(team: Team, settings: Settings) -> None:
    settings.AXES_ENABLED = True
    may_sign_in(team.member.email, "wrong")
    assert AccessAttempt.objects.count() == 1

    users.delete(user_id=team.member.pk, now=timezone.now())

    assert AccessAttempt.objects.count() == 0
