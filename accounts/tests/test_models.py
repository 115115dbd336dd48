import uuid
from typing import Any

import pytest
from django.db import IntegrityError, connection, models, transaction
from django.test.utils import isolate_apps

from accounts.models import Membership, OwnedModel, OwnerScope, Role, User
from accounts.tests.conftest import Team
from accounts.tests.factories import (
    PASSWORD,
    MembershipFactory,
    OrganizationFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("second_email", ["Ann@example.com", "ann@example.com", "ANN@EXAMPLE.COM"])
def test_addresses_are_unique_regardless_of_case(second_email: str) -> None:
    UserFactory.create(email="Ann@example.com")

    with pytest.raises(IntegrityError), transaction.atomic():
        UserFactory.create(email=second_email)

    assert User.objects.count() == 1


def test_an_address_is_stored_as_typed_and_found_in_any_case() -> None:
    user = UserFactory.create(email=" Ann@EXAMPLE.com ")

    assert user.email == "Ann@example.com"
    assert User.objects.with_email("aNN@Example.COM").get() == user
    assert User.objects.get_by_natural_key("ANN@example.com") == user


def test_a_user_is_created_active_and_without_permissions() -> None:
    user = User.objects.create_user("ann@example.com", PASSWORD)

    assert (user.is_active, user.is_staff, user.is_superuser) == (True, False, False)
    assert user.check_password(PASSWORD)
    assert user.pk.version == 7


def test_a_superuser_can_use_the_admin() -> None:
    user = User.objects.create_superuser("root@example.com", PASSWORD)

    assert (user.is_active, user.is_staff, user.is_superuser) == (True, True, True)


def test_a_user_without_a_password_cannot_sign_in() -> None:
    user = User.objects.create_user("ann@example.com")

    assert not user.has_usable_password()


def test_the_full_name_falls_back_to_the_address() -> None:
    named_user = UserFactory.create(full_name="Ann Lee")
    nameless = UserFactory.create(full_name="", email="bo@example.com")

    assert (named_user.get_full_name(), named_user.get_short_name()) == ("Ann Lee", "Ann")
    assert (nameless.get_full_name(), nameless.get_short_name()) == ("bo@example.com",) * 2


def test_the_database_refuses_a_second_membership() -> None:
    membership = MembershipFactory.create()

    with pytest.raises(IntegrityError, match="accounts_membership_once"), transaction.atomic():
        MembershipFactory.create(user=membership.user, organization=membership.organization)


@pytest.mark.parametrize("role", ["owner", "", "BOSS"])
def test_the_database_refuses_an_unknown_role(role: str) -> None:
    with (
        pytest.raises(IntegrityError, match="accounts_membership_role_known"),
        transaction.atomic(),
    ):
        MembershipFactory.create(role=role)


def test_the_database_refuses_a_second_organization_with_a_slug() -> None:
    OrganizationFactory.create(slug="acme")

    with pytest.raises(IntegrityError), transaction.atomic():
        OrganizationFactory.create(slug="acme")


def test_the_queryset_filters_managing_members_and_active_owners(team: Team) -> None:
    team.owner.is_active = False
    team.owner.save()
    memberships = Membership.objects.filter(organization=team.organization)

    assert {row.user for row in memberships.managing()} == {team.owner, team.admin}
    assert not memberships.active_owners().exists()


def test_a_scope_is_the_organization_or_the_user() -> None:
    user_id, other_id, organization_id = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()

    personal = OwnerScope(user_id)
    shared = OwnerScope(user_id, organization_id)

    assert personal.key == ("user", user_id)
    assert shared.key == ("organization", organization_id)
    assert shared.key == OwnerScope(other_id, organization_id).key
    assert personal.key != OwnerScope(other_id).key


@pytest.fixture
def note_model() -> Any:
    """A model with an owner and a real table."""
    with isolate_apps("accounts"):

        class Note(OwnedModel):
            text = models.CharField(max_length=20)

            class Meta(OwnedModel.Meta):
                app_label = "accounts"

    with connection.schema_editor() as editor:
        editor.create_model(Note)
    return Note


def test_rows_of_a_scope_never_mix(team: Team, note_model: Any) -> None:
    make = note_model.objects.create
    personal = make(user=team.owner, text="personal")
    shared = make(user=team.owner, organization=team.organization, text="shared")
    colleague = make(user=team.member, organization=team.organization, text="colleague")
    foreign = make(user=team.outsider, text="foreign")

    def visible(scope: OwnerScope) -> set[Any]:
        return set(note_model.objects.in_scope(scope))

    assert visible(OwnerScope(team.owner.pk)) == {personal}
    assert visible(OwnerScope(team.member.pk)) == set()
    assert visible(OwnerScope(team.member.pk, team.organization.pk)) == {shared, colleague}
    assert visible(OwnerScope(team.outsider.pk)) == {foreign}
    assert shared.scope == OwnerScope(team.owner.pk, team.organization.pk)


@pytest.mark.covers("T43")
def test_rows_are_visible_to_their_owners_only(team: Team, note_model: Any) -> None:
    personal = note_model.objects.create(user=team.owner)
    shared = note_model.objects.create(user=team.owner, organization=team.organization)

    def visible(user: User) -> set[Any]:
        return set(note_model.objects.visible_to(user))

    assert visible(team.owner) == {personal, shared}
    assert visible(team.member) == {shared}
    assert visible(team.outsider) == set()
    assert visible(team.superuser) == {personal, shared}
    # A user who left an organization does not even see what they created for it.
    Membership.objects.filter(user=team.owner, role=Role.OWNER).delete()
    assert visible(team.owner) == {personal}


def test_an_organization_with_rows_cannot_be_deleted(team: Team, note_model: Any) -> None:
    note_model.objects.create(user=team.outsider, organization=team.other_organization)
    Membership.objects.filter(organization=team.other_organization).delete()
    delete = "DELETE FROM accounts_organization WHERE id = %s"

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(IntegrityError), transaction.atomic():
            cursor.execute(delete, [team.other_organization.pk])
