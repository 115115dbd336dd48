"""Rows whose object is missing or differs."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from media.errors import EmptyBucketError, ForeignEnvironmentError
from media.models import MediaResource, ReconcileReport, ReconcileState, ResourceStatus
from media.rules import keys
from media.rules.failures import ObjectLoss
from media.services.cleanup.grace import GraceTooShortError
from media.services.reconcile import lost_objects
from media.services.reconcile.service import reconcile
from media.storage import ObjectHeaders
from media.tests.services.deletion.aged_rows import (
    DATA,
    PNG,
    AheadMemoryStore,
    all_rows,
    new_user,
    put_object,
)
from media.tests.services.reconcile.passes import codes, ready_resource, run
from sartiq.core.tests.row_locks import locked_before_update
from sartiq.core.work.exclusive import AlreadyRunningError, exclusive

pytestmark = pytest.mark.django_db


def test_rows_and_objects_that_agree_stay_as_they_are(store: AheadMemoryStore, user: User) -> None:
    rows = [ready_resource(store, user) for _ in range(3)]
    put_object(store, keys.thumbnail_key(rows[0].pk))
    before = all_rows()

    report = run(store)

    assert all_rows() == before
    assert report.state == ReconcileState.COMPLETED
    assert (report.objects_compared, report.rows_compared, report.lost, report.recorded) == (
        *(4, 3),
        *(0, 0),
    )


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_row_whose_object_is_missing_fails(
    store: AheadMemoryStore, user: User, position: int
) -> None:
    rows = [ready_resource(store, user) for _ in range(3)]
    lost_resource = rows[position]
    store.delete_many([lost_resource.storage_key])

    report = run(store)

    assert codes() == {
        row.storage_key: "object_missing" if row == lost_resource else "" for row in rows
    }
    assert (report.missing, report.changed, report.failed) == (1, 0, 1)
    assert report.samples == {"object_missing": [lost_resource.storage_key]}
    lost_resource.refresh_from_db()
    assert (lost_resource.status, lost_resource.ready_at) == (
        ResourceStatus.FAILED,
        rows[position].ready_at,
    )


@pytest.mark.parametrize("body", [DATA + b".", DATA[::-1]])
def test_a_row_whose_object_differs_fails(store: AheadMemoryStore, user: User, body: bytes) -> None:
    changed_resource, other_owners_resource = (
        ready_resource(store, user),
        ready_resource(store, new_user()),
    )
    put_object(store, changed_resource.storage_key, body)

    report = run(store)

    assert codes() == {
        changed_resource.storage_key: "object_changed",
        other_owners_resource.storage_key: "",
    }
    assert (report.missing, report.changed, report.failed) == (0, 1, 1)
    assert store.body(changed_resource.storage_key) == body


@pytest.mark.covers("F26")
def test_a_stale_listing_marks_nothing(store: AheadMemoryStore, user: User) -> None:
    late_resource = ready_resource(store, user)
    ready_resource(store, user)
    store.delete_many([late_resource.storage_key])

    def store_after_the_listing(operation: str, key: str) -> None:
        if (operation, key) == ("head", late_resource.storage_key):
            store.before = lambda _operation, _key: None
            put_object(store, late_resource.storage_key)

    store.before = store_after_the_listing

    report = run(store)

    assert report.lost == 0
    assert MediaResource.objects.get(pk=late_resource.pk).status == ResourceStatus.READY


def test_a_row_that_was_verified_again_meanwhile_is_not_marked(
    store: AheadMemoryStore, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    healed_resource, lost_resource = ready_resource(store, user), ready_resource(store, user)
    ready_resource(store, user)
    store.delete_many([healed_resource.storage_key, lost_resource.storage_key])

    confirmed = lost_objects.confirmed

    def confirm_then_heal(*args: Any) -> Any:
        losses = confirmed(*args)
        MediaResource.objects.filter(pk=healed_resource.pk).update(ready_at=timezone.now())
        return losses

    monkeypatch.setattr(lost_objects, "confirmed", confirm_then_heal)

    report = run(store)

    assert (report.missing, report.failed) == (2, 1)
    assert codes()[healed_resource.storage_key] == ""


def test_rows_that_are_young_or_not_ready_are_left_alone(
    store: AheadMemoryStore, user: User
) -> None:
    ready_resource(store, user)
    recent_resource = ready_resource(store, user, ready_at=timezone.now() - timedelta(minutes=59))
    pending_resource = ready_resource(store, user, status=ResourceStatus.PENDING)
    failed_resource = ready_resource(
        store, user, status=ResourceStatus.FAILED, failure_code="decode_limit"
    )
    store.delete_many(
        [row.storage_key for row in (recent_resource, pending_resource, failed_resource)]
    )
    before = all_rows()

    report = run(store)

    assert report.lost == 0
    assert all_rows() == before


@pytest.mark.covers("I17")
def test_a_dry_run_changes_nothing(store: AheadMemoryStore, user: User) -> None:
    lost_resource = ready_resource(store, user)
    ready_resource(store, user)
    store.delete_many([lost_resource.storage_key])
    put_object(store, "media/unknown.png")
    before, objects = all_rows(), store.keys()

    report = reconcile(store=store)

    assert (report.missing, report.failed, report.recorded) == (1, 0, 1)
    assert all_rows() == before
    assert store.keys() == objects
    assert not ReconcileReport.objects.exists()


@pytest.mark.covers("F27")
def test_an_empty_bucket_is_refused(store: AheadMemoryStore, user: User) -> None:
    lost_resource = ready_resource(store, user)
    store.delete_many([lost_resource.storage_key])

    with pytest.raises(EmptyBucketError):
        run(store)

    assert codes() == {lost_resource.storage_key: ""}


def test_an_empty_bucket_without_rows_is_fine(store: AheadMemoryStore) -> None:
    assert run(store).state == ReconcileState.COMPLETED


@pytest.mark.covers("F27")
def test_another_environment_and_a_short_grace_are_refused(
    store: AheadMemoryStore, user: User, settings: object
) -> None:
    lost_resource = ready_resource(store, user)
    ready_resource(store, user)
    store.delete_many([lost_resource.storage_key])

    with pytest.raises(GraceTooShortError):
        run(store, older_than=timedelta(hours=1))
    settings.ENVIRONMENT_NAME = "another"  # type: ignore[attr-defined]  # pytest-django's
    with pytest.raises(ForeignEnvironmentError):
        run(store)

    assert codes()[lost_resource.storage_key] == ""


def test_one_pass_at_a_time(store: AheadMemoryStore) -> None:
    with exclusive("media.reconcile"), pytest.raises(AlreadyRunningError):
        run(store)


def test_the_content_type_counts_where_something_differs(
    store: AheadMemoryStore, user: User
) -> None:
    row = ready_resource(store, user)
    ready_resource(store, user)
    store.put(row.storage_key, DATA, headers=ObjectHeaders(content_type="text/html"))
    MediaResource.objects.filter(pk=row.pk).update(content_type=PNG, etag="other")

    run(store)

    assert codes()[row.storage_key] == "object_changed"


@pytest.mark.django_db(transaction=True)
def test_a_row_is_locked_before_it_is_marked(store: AheadMemoryStore, user: User) -> None:
    lost_resource = ready_resource(store, user)

    with locked_before_update(lost_resource):
        assert lost_objects.mark([(lost_resource, ObjectLoss.MISSING)]) == 1
