import uuid

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts import selectors
from accounts.errors import OrganizationNotFoundError
from accounts.models import Membership, OwnerScope, Role
from accounts.tests.conftest import Cast
from sartiq.core.errors import NotPermittedError

NOWHERE = uuid.UUID("00000000-0000-7000-8000-000000000000")


def test_the_own_scope_costs_no_query(
    cast: Cast, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        scope = selectors.scope_for(cast.member)

    assert scope == OwnerScope(cast.member.pk, None)


def test_an_organizations_scope_costs_one_query(
    cast: Cast, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        scope = selectors.scope_for(cast.member, cast.organization.pk)

    assert scope == OwnerScope(cast.member.pk, cast.organization.pk)


@pytest.mark.covers("T40")
@pytest.mark.parametrize("exists", [True, False])
def test_a_foreign_scope_is_refused_whether_or_not_it_exists(
    cast: Cast,
    exists: bool,  # noqa: FBT001  a parameter of the table
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    organization_id = cast.organization.pk if exists else NOWHERE

    with django_assert_num_queries(1), pytest.raises(NotPermittedError) as excinfo:
        selectors.scope_for(cast.outsider, organization_id)

    assert excinfo.value.detail == "Not enough permissions"


def test_a_superuser_enters_every_organization_that_exists(cast: Cast) -> None:
    scope = selectors.scope_for(cast.superuser, cast.organization.pk)

    assert scope == OwnerScope(cast.superuser.pk, cast.organization.pk)
    with pytest.raises(OrganizationNotFoundError, match="Organization not found"):
        selectors.scope_for(cast.superuser, NOWHERE)


def test_who_may_write(cast: Cast) -> None:
    shared = OwnerScope(cast.owner.pk, cast.organization.pk)
    personal = OwnerScope(cast.owner.pk)
    everybody = [cast.owner, cast.admin, cast.member, cast.outsider, cast.superuser]

    assert [selectors.may_write(user, shared) for user in everybody] == [
        True,
        True,
        True,
        False,
        True,
    ]
    assert [selectors.may_write(user, personal) for user in everybody] == [
        True,
        False,
        False,
        False,
        True,
    ]


def test_who_may_manage(cast: Cast) -> None:
    organization_id = cast.organization.pk

    assert selectors.may_manage(cast.owner, organization_id)
    assert selectors.may_manage(cast.admin, organization_id)
    assert selectors.may_manage(cast.superuser, organization_id)
    assert not selectors.may_manage(cast.member, organization_id)
    assert not selectors.may_manage(cast.outsider, organization_id)


def test_requirements_refuse_whom_the_questions_deny(cast: Cast) -> None:
    selectors.require_manager(cast.owner, cast.organization.pk)
    selectors.require_manager(cast.superuser, cast.organization.pk)
    selectors.require_superuser(cast.superuser)

    for others in (cast.member, cast.outsider):
        with pytest.raises(NotPermittedError):
            selectors.require_manager(others, cast.organization.pk)
    with pytest.raises(NotPermittedError):
        selectors.require_superuser(cast.owner)
    with pytest.raises(OrganizationNotFoundError):
        selectors.require_manager(cast.superuser, NOWHERE)


def test_roles_are_read_from_the_rows(cast: Cast) -> None:
    organization_id = cast.organization.pk

    assert selectors.role_of(cast.owner, organization_id) is Role.OWNER
    assert selectors.role_of(cast.admin, organization_id) is Role.ADMIN
    assert selectors.role_of(cast.member, organization_id) is Role.MEMBER
    assert selectors.role_of(cast.outsider, organization_id) is None
    assert selectors.role_of(cast.superuser, organization_id) is Role.OWNER


def test_the_organizations_of_a_user(cast: Cast) -> None:
    assert list(selectors.organization_ids_of(cast.member)) == [cast.organization.pk]
    assert list(selectors.organization_ids_of(cast.superuser)) == []


@pytest.mark.covers("T43")
def test_who_was_moved_out_may_nothing_at_once(cast: Cast) -> None:
    Membership.objects.filter(user=cast.admin).delete()

    assert not selectors.may_write(cast.admin, OwnerScope(cast.admin.pk, cast.organization.pk))
    assert not selectors.may_manage(cast.admin, cast.organization.pk)
    with pytest.raises(NotPermittedError):
        selectors.scope_for(cast.admin, cast.organization.pk)
