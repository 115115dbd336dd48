"""Changes of members wait for each other: each locks the organization before it reads."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.db.models import Model

from accounts.models import Membership, Role
from accounts.services import members
from accounts.tests.conftest import Team

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


@contextmanager
def locked_by_another(row: Model) -> Iterator[None]:
    """Hold a lock on the row in a transaction of another connection.

    Like an update, it blocks other locks of the row but not new foreign keys to it.
    """
    is_locked, may_end = Event(), Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                rows = type(row)._default_manager.select_for_update(no_key=True)
                rows.get(pk=row.pk)
                is_locked.set()
                may_end.wait(60)
        finally:
            connections.close_all()

    thread = Thread(target=hold)
    thread.start()
    try:
        assert is_locked.wait(60)
        yield
    finally:
        may_end.set()
        thread.join()


@contextmanager
def short_lock_timeout() -> Iterator[None]:
    """Let this connection wait at most 100 ms for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")
        try:
            yield
        finally:
            cursor.execute("RESET lock_timeout")


def check_that_it_waits(team: Team, change: Change, row: Model) -> None:
    """Check that a change waits while another transaction has locked the row."""
    before = list(Membership.objects.order_by("pk").values())

    with (
        locked_by_another(row),
        short_lock_timeout(),
        pytest.raises(OperationalError, match="lock timeout"),
    ):
        change(team)

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
