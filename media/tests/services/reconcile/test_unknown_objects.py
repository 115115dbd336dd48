"""Objects under `media/` that belong to no row: never deleted without approval."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from media.errors import ReportNotApprovableError
from media.models import DeletionReason, ObjectDeletion, ResourceStatus, UnknownObject
from media.rules import keys
from media.services.environment import require_own_environment
from media.services.reconcile import unknown_objects
from media.tests.services.deletion.aged_rows import (
    DATA,
    AheadMemoryStore,
    delete_queued,
    put_object,
    queued_deletions,
    resource,
)
from media.tests.services.reconcile.passes import an_hour_later, ready_resource, run
from sartiq.core.models import new_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def unknown(store: AheadMemoryStore, user: User) -> str:
    """The key of an object without a row; another object has a row."""
    ready_resource(store, user)
    return put_object(store, keys.canonical_key(new_id(), "png"))


def unknown_object_keys() -> list[str]:
    return list(UnknownObject.objects.order_by("key").values_list("key", flat=True))


def test_an_unknown_object_is_recorded_then_reported_then_deleted(
    store: AheadMemoryStore, unknown: str, superuser: User
) -> None:
    first = run(store)
    assert (first.recorded, first.reported, unknown_object_keys()) == (1, 0, [unknown])
    assert run(store).reported == 0  # not an hour later
    an_hour_later()

    report = run(store)

    assert (report.reported, report.reported_bytes) == (1, len(DATA))
    assert report.samples == {"unknown": [unknown]}
    delete_queued()
    assert unknown in store.keys()  # noqa: SIM118  a method of the store
    approved_count = unknown_objects.approve(report.pk, user=superuser)
    assert (approved_count.approved, approved_count.approved_by) == (1, superuser)
    assert queued_deletions() == {(unknown, DeletionReason.UNKNOWN)}
    delete_queued()
    assert len(store.keys()) == 1
    assert run(store).recorded == 0
    assert unknown_object_keys() == []


@pytest.mark.parametrize(
    "key",
    ["media/readme.txt", "media/a/b/c", "media/{id}/file.gif", "media/{id}/thumb.webp", "media/~"],
)
def test_other_names_under_media_are_unknown_too(
    store: AheadMemoryStore, user: User, key: str
) -> None:
    row = ready_resource(store, user, resource_type="DOCUMENT")  # without a thumbnail
    name = put_object(store, key.format(id=row.pk))

    run(store)

    assert unknown_object_keys() == [name]
    an_hour_later()
    unknown_objects.approve(run(store).pk)
    delete_queued()
    assert (store.keys(), queued_deletions()) == ([row.storage_key], set())


def test_a_young_object_is_not_recorded(store: AheadMemoryStore, unknown: str) -> None:
    store.ahead = timedelta(hours=23)

    assert run(store).recorded == 0
    assert unknown_object_keys() == []


@pytest.mark.parametrize("status", [ResourceStatus.PENDING, ResourceStatus.FAILED])
def test_a_row_in_any_status_names_its_keys(
    store: AheadMemoryStore, user: User, status: ResourceStatus
) -> None:
    code = "decode_limit" if status == ResourceStatus.FAILED else ""
    row = resource(user, status=status, failure_code=code, storage_key="temp/a")
    for key in row.own_keys:
        put_object(store, key)

    assert run(store).recorded == 0


@pytest.mark.parametrize("dead", [False, True])
def test_an_object_with_a_queued_or_given_up_deletion_is_not_unknown(
    store: AheadMemoryStore, unknown: str, *, dead: bool
) -> None:
    ObjectDeletion.objects.create(key=unknown, reason=DeletionReason.ORPHANED, dead=dead)

    assert run(store).recorded == 0


def test_an_object_that_gets_a_row_is_removed_from_the_list(
    store: AheadMemoryStore, unknown: str, user: User
) -> None:
    run(store)
    an_hour_later()
    resource(user, id=keys.resource_id_of(unknown), status=ResourceStatus.FAILED, failure_code="x")

    assert run(store).reported == 0
    assert unknown_object_keys() == []


def test_the_delay_begins_again_for_an_object_that_was_replaced(
    store: AheadMemoryStore, unknown: str
) -> None:
    run(store)
    an_hour_later()
    put_object(store, unknown, b"other bytes")

    assert run(store).reported == 0
    an_hour_later()
    assert run(store).reported == 1


def test_approval_skips_an_object_that_a_row_has_now(
    store: AheadMemoryStore, unknown: str, user: User
) -> None:
    other_key = put_object(store, "media/other.png")
    run(store)
    an_hour_later()
    report = run(store)
    resource(user, id=keys.resource_id_of(unknown), status=ResourceStatus.FAILED, failure_code="x")

    assert unknown_objects.approve(report.pk).approved == 1
    assert queued_deletions() == {(other_key, DeletionReason.UNKNOWN)}


def approve_one(store: AheadMemoryStore) -> None:
    run(store)
    an_hour_later()
    unknown_objects.approve(run(store).pk)


@pytest.mark.covers("I08")
def test_the_deletion_skips_an_object_that_a_row_has_meanwhile(
    store: AheadMemoryStore, unknown: str, user: User
) -> None:
    approve_one(store)
    resource(user, id=keys.resource_id_of(unknown), status=ResourceStatus.FAILED, failure_code="x")

    delete_queued()

    assert unknown in store.keys()  # noqa: SIM118  a method of the store


def test_the_deletion_skips_an_object_that_was_replaced(
    store: AheadMemoryStore, unknown: str
) -> None:
    approve_one(store)
    put_object(store, unknown, b"other bytes")

    delete_queued()

    assert store.body(unknown) == b"other bytes"
    assert queued_deletions() == set()


def test_only_the_latest_report_can_be_approved_once(store: AheadMemoryStore, unknown: str) -> None:
    run(store)
    with pytest.raises(ReportNotApprovableError, match="no unknown objects"):
        unknown_objects.approve(run(store).pk)
    an_hour_later()
    older_report, latest_report = run(store), run(store)

    with pytest.raises(ReportNotApprovableError, match=str(latest_report.pk)):
        unknown_objects.approve(older_report.pk)
    unknown_objects.approve(latest_report.pk)
    with pytest.raises(ReportNotApprovableError, match="already"):
        unknown_objects.approve(latest_report.pk)


def test_approval_takes_the_same_number_of_queries_for_many(store: AheadMemoryStore) -> None:
    require_own_environment()  # cached for a minute
    counts: list[int] = []
    for number in (2, 30):
        for _ in range(number):
            put_object(store, f"media/{number}-{_}.png")
        run(store)
        an_hour_later()
        report = run(store)
        with CaptureQueriesContext(connection) as queries:
            assert unknown_objects.approve(report.pk).approved == number
        delete_queued()
        counts.append(len(queries))

    assert counts[0] == counts[1] < 20
