import uuid

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts import selectors
from accounts.errors import OrganizationNotFoundError
from accounts.models import Membership, OwnerScope, Role
from accounts.tests.conftest import Team
from sartiq.core.errors import NotPermittedError

UNKNOWN_ID = uuid.UUID("00000000-0000-7000-8000-000000000000")


def test_the_personal_scope_needs_no_query(
    team: Team, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        scope = selectors.scope_for(team.member)

    assert scope == OwnerScope(team.member.pk, None)


def test_an_organization_scope_needs_one_query(
    team: Team, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        scope = selectors.scope_for(team.member, team.organization.pk)

    assert scope == OwnerScope(team.member.pk, team.organization.pk)


@pytest.mark.covers("T40")
@pytest.mark.parametrize("exists", [True, False])
def test_a_scope_of_another_organization_is_refused_whether_or_not_it_exists(
    team: Team,
    exists: bool,  # noqa: FBT001  a parameter of the table
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    organization_id = team.organization.pk if exists else UNKNOWN_ID

    with django_assert_num_queries(1), pytest.raises(NotPermittedError) as excinfo:
        selectors.scope_for(team.outsider, organization_id)

    assert excinfo.value.detail == "Not enough permissions"


def test_a_superuser_may_act_in_every_existing_organization(team: Team) -> None:
    scope = selectors.scope_for(team.superuser, team.organization.pk)

    assert scope == OwnerScope(team.superuser.pk, team.organization.pk)
    with pytest.raises(OrganizationNotFoundError, match="Organization not found"):
        selectors.scope_for(team.superuser, UNKNOWN_ID)


@pytest.mark.covers("T40")
def test_the_scopes_of_many_organizations_take_one_query(
    team: Team, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    organization_ids = [None, team.organization.pk, UNKNOWN_ID]

    with django_assert_num_queries(3):
        scopes = [
            selectors.scopes_for(user, organization_ids)
            for user in (team.member, team.outsider, team.superuser)
        ]
    with django_assert_num_queries(0):
        personal = selectors.scopes_for(team.member, [None])

    assert [set(scope_by_id) for scope_by_id in scopes] == [
        {None, team.organization.pk},
        {None},
        {None, team.organization.pk},
    ]
    assert scopes[0][team.organization.pk] == OwnerScope(team.member.pk, team.organization.pk)
    assert personal == {None: OwnerScope(team.member.pk)}


def test_who_may_write(team: Team) -> None:
    everybody = [team.owner, team.admin, team.member, team.outsider, team.superuser]
    shared = OwnerScope(team.owner.pk, team.organization.pk)
    personal = OwnerScope(team.owner.pk)

    assert [user for user in everybody if not selectors.may_write(user, shared)] == [team.outsider]
    assert [user for user in everybody if selectors.may_write(user, personal)] == [
        team.owner,
        team.superuser,
    ]


def test_who_may_manage(team: Team) -> None:
    organization_id = team.organization.pk

    assert selectors.may_manage(team.owner, organization_id)
    assert selectors.may_manage(team.admin, organization_id)
    assert selectors.may_manage(team.superuser, organization_id)
    assert not selectors.may_manage(team.member, organization_id)
    assert not selectors.may_manage(team.outsider, organization_id)


def test_the_require_functions_agree_with_the_may_functions(team: Team) -> None:
    selectors.require_manager(team.owner, team.organization.pk)
    selectors.require_manager(team.superuser, team.organization.pk)
    selectors.require_superuser(team.superuser)

    for user in (team.member, team.outsider):
        with pytest.raises(NotPermittedError):
            selectors.require_manager(user, team.organization.pk)
    with pytest.raises(NotPermittedError):
        selectors.require_superuser(team.owner)
    with pytest.raises(OrganizationNotFoundError):
        selectors.require_manager(team.superuser, UNKNOWN_ID)


def test_roles_are_read_from_the_database(team: Team) -> None:
    organization_id = team.organization.pk

    assert selectors.role_of(team.owner, organization_id) is Role.OWNER
    assert selectors.role_of(team.admin, organization_id) is Role.ADMIN
    assert selectors.role_of(team.member, organization_id) is Role.MEMBER
    assert selectors.role_of(team.outsider, organization_id) is None
    assert selectors.role_of(team.superuser, organization_id) is Role.OWNER


def test_the_organizations_of_a_user(team: Team) -> None:
    assert list(selectors.organization_ids_of(team.member)) == [team.organization.pk]
    assert list(selectors.organization_ids_of(team.superuser)) == []


@pytest.mark.covers("T43")
def test_a_removed_member_loses_access_at_once(team: Team) -> None:
    Membership.objects.filter(user=team.admin).delete()

    assert not selectors.may_write(team.admin, OwnerScope(team.admin.pk, team.organization.pk))
    assert not selectors.may_manage(team.admin, team.organization.pk)
    with pytest.raises(NotPermittedError):
        selectors.scope_for(team.admin, team.organization.pk)
