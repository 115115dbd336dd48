"""Changes of members wait for each other: each locks the organization before it reads."""

from collections.abc import Callable
from functools import partial

import pytest
from django.db import transaction
from django.db.models import Model

from accounts.models import Membership, Role
from accounts.services import members
from accounts.tests.conftest import Team
from sartiq.core.tests import row_locks
from sartiq.core.tests.row_locks import locked_by_another, short_lock_timeout

pytestmark = pytest.mark.django_db(transaction=True)

Change = Callable[[Team], object]


def add(team: Team) -> object:
    organization_id = team.organization.pk
    return members.add(
        actor=team.owner,
        organization_id=organization_id,
        role=Role.MEMBER,
        user_id=team.outsider.pk,
    )


def change_role(team: Team) -> object:
    return members.change_role(
        actor=team.owner,
        organization_id=team.organization.pk,
        user_id=team.member.pk,
        role=Role.ADMIN,
    )


def remove(team: Team) -> object:
    members.remove(actor=team.owner, organization_id=team.organization.pk, user_id=team.member.pk)
    return None


def leave(team: Team) -> object:
    members.remove(actor=team.member, organization_id=team.organization.pk, user_id=team.member.pk)
    return None


def delete_many(team: Team) -> object:
    members.delete_many(memberships=list(team.member.memberships.all()))
    return None


def lock_organizations_of(team: Team) -> object:
    with transaction.atomic():
        members.lock_organizations_of(user_id=team.member.pk)
    return None


def check_that_it_waits(team: Team, change: Change, row: Model) -> None:
    """Check that a change waits while another transaction has locked the row."""
    before = list(Membership.objects.order_by("pk").values())

    row_locks.check_that_it_waits(partial(change, team), row)

    assert list(Membership.objects.order_by("pk").values()) == before


@pytest.mark.parametrize(
    "change", [add, change_role, remove, leave, delete_many, lock_organizations_of]
)
def test_a_change_of_members_waits_for_the_organization(team: Team, change: Change) -> None:
    check_that_it_waits(team, change, team.organization)


def test_a_new_member_waits_until_nobody_is_deleting_the_user(team: Team) -> None:
    check_that_it_waits(team, add, team.outsider)


def test_a_change_of_members_waits_for_no_other_organization(team: Team) -> None:
    with locked_by_another(team.other_organization), short_lock_timeout():
        change_role(team)

    assert team.member.memberships.get().role == Role.ADMIN
