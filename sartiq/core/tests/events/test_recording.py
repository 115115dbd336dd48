"""The contents of an event, and the transaction it belongs to."""

from contextlib import suppress
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import TextChoices

from accounts.tests.factories import OrganizationFactory, UserFactory
from catalog.models import Product
from sartiq.core import events
from sartiq.core.events import actions
from sartiq.core.events.context import Cause, caused_by
from sartiq.core.models import ActorKind, Event

pytestmark = pytest.mark.django_db


@events.register
class Sample(TextChoices):
    CHANGED = "sample.changed", "Sample changed"


@pytest.fixture(scope="module", autouse=True)
def forget_samples() -> object:
    yield
    actions._labels.pop(Sample.CHANGED)


def product() -> Product:
    return Product(user_id=uuid4(), organization_id=uuid4())


def test_an_event_names_object_owner_and_cause() -> None:
    row, actor_id = product(), uuid4()
    cause = Cause(
        actor_kind=ActorKind.STAFF,
        actor_id=actor_id,
        source="POST admin/",
        source_id="r-1",
        ip="2001:db8::1",
    )

    with caused_by(cause):
        events.record(Sample.CHANGED, row, fields=["name"], count=2, reason=None)

    event = Event.objects.get()
    assert (event.action, event.object_type) == ("sample.changed", "sample")
    assert (event.object_id, event.user_id, event.organization_id) == (
        row.pk,
        row.user_id,
        row.organization_id,
    )
    assert (event.actor_kind, event.actor_id) == (ActorKind.STAFF, actor_id)
    assert (event.source, event.source_id, event.ip) == ("POST admin/", "r-1", "2001:db8::1")
    assert event.details == {"fields": ["name"], "count": 2}


def test_users_and_organizations_own_themselves() -> None:
    user, organization = UserFactory.create(), OrganizationFactory.create()

    events.record(Sample.CHANGED, user)
    events.record(Sample.CHANGED, organization)

    owners = list(Event.objects.values_list("user_id", "organization_id"))
    assert owners == [(user.pk, None), (None, organization.pk)]


def test_without_an_edge_the_actor_is_a_command() -> None:
    events.record(Sample.CHANGED)

    event = Event.objects.get()
    assert event.actor_kind == ActorKind.COMMAND
    assert (event.actor_id, event.ip, event.object_id) == (None, None, None)


def test_many_events_take_one_statement(django_assert_num_queries: object) -> None:
    rows = [product() for _ in range(30)]

    with django_assert_num_queries(1):  # type: ignore[operator]
        events.record_each(Sample.CHANGED, rows, reason="test")

    assert set(Event.objects.values_list("object_id", flat=True)) == {row.pk for row in rows}


def test_no_rows_take_no_statement(django_assert_num_queries: object) -> None:
    with django_assert_num_queries(0):  # type: ignore[operator]
        events.record_each(Sample.CHANGED, [])


def test_details_are_small_and_without_secrets() -> None:
    url = "https://store.example/temp/a?X-Amz-Signature=0123456789abcdef"

    events.record(Sample.CHANGED, fields=[f"f{n}" for n in range(80)], url=url)

    details = Event.objects.get().details
    assert len(details["fields"]) == 50
    assert "0123456789abcdef" not in str(details)


def test_an_unregistered_action_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'sample\.unknown' is not a registered action"):
        events.record("sample.unknown", product())

    assert not Event.objects.exists()


def test_an_action_without_a_type_is_refused() -> None:
    class Wrong(TextChoices):
        CHANGED = "changed"

    with pytest.raises(ValueError, match=r"object_type\.verb"):
        events.register(Wrong)


def test_a_rollback_leaves_no_event() -> None:
    with suppress(ZeroDivisionError), transaction.atomic():
        events.record(Sample.CHANGED, product())
        raise ZeroDivisionError

    assert not Event.objects.exists()


@pytest.mark.parametrize(
    "statement", ["UPDATE core_event SET action = 'x'", "DELETE FROM core_event"]
)
def test_events_are_never_changed(statement: str) -> None:
    events.record(Sample.CHANGED, product())

    with (
        pytest.raises(DatabaseError, match="Events are never changed"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)

    assert Event.objects.get().action == "sample.changed"
