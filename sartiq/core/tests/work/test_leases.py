import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import Settings

from media.models import ObjectDeletion
from media.models.deletion import DeletionReason
from sartiq.core.tests.row_locks import check_that_it_waits
from sartiq.core.work import leases
from sartiq.core.work.leases import Lease, LeaseLostError

PAST = timedelta(seconds=1)


@pytest.fixture
def row(db: None) -> ObjectDeletion:
    return create_deletion()


def create_deletion() -> ObjectDeletion:
    """Create a waiting row, here a deletion."""
    return ObjectDeletion.objects.create(key="temp/a", reason=DeletionReason.EXPIRED)


def take(row: ObjectDeletion) -> Lease[ObjectDeletion] | None:
    return leases.take(ObjectDeletion.objects.filter(pk=row.pk))


def take_once(row: ObjectDeletion) -> Lease[ObjectDeletion]:
    lease = take(row)
    assert lease is not None
    return lease


def expire(row: ObjectDeletion) -> None:
    """Expire the lease, as if its holder had died."""
    ObjectDeletion.objects.filter(pk=row.pk).update(lease_expires_at=timezone.now() - PAST)


def test_taking_counts_the_attempt_before_the_work(row: ObjectDeletion) -> None:
    lease = take_once(row)

    row.refresh_from_db()
    assert (row.attempts, row.lease_fence, row.lease_holder) == (1, 1, lease.holder)
    assert (lease.attempts, lease.fence) == (1, 1)
    remaining_time = row.lease_expires_at and row.lease_expires_at - timezone.now()
    assert remaining_time
    assert timedelta() < remaining_time <= timedelta(seconds=django_settings.LEASE_SECONDS)


def test_a_held_row_is_not_taken_again(row: ObjectDeletion) -> None:
    take_once(row)

    assert take(row) is None
    row.refresh_from_db()
    assert row.attempts == 1


def test_a_row_is_not_taken_before_its_time(row: ObjectDeletion) -> None:
    ObjectDeletion.objects.update(run_after=timezone.now() + timedelta(hours=1))

    assert take(row) is None


def test_a_row_that_no_longer_matches_is_not_taken(row: ObjectDeletion) -> None:
    ObjectDeletion.objects.update(dead=True)

    assert leases.take(ObjectDeletion.objects.filter(pk=row.pk, dead=False)) is None


@pytest.mark.covers("F31")
def test_a_worker_that_lost_the_lease_is_refused(row: ObjectDeletion) -> None:
    lost_lease = take_once(row)
    expire(row)
    current_lease = take_once(row)

    with pytest.raises(LeaseLostError), transaction.atomic():
        lost_lease.require_held()
    with pytest.raises(LeaseLostError):
        lost_lease.renew()
    lost_lease.release()

    assert current_lease.fence == lost_lease.fence + 1
    with transaction.atomic():
        assert current_lease.require_held() == row


def test_renewing_holds_the_row_for_another_period(row: ObjectDeletion) -> None:
    lease = take_once(row)
    soon = timezone.now() + timedelta(milliseconds=1)
    ObjectDeletion.objects.update(lease_expires_at=soon)

    lease.renew()

    row.refresh_from_db()
    assert row.lease_expires_at is not None
    assert row.lease_expires_at > soon


def test_renewing_waits_for_a_third_of_the_period(
    row: ObjectDeletion, django_assert_num_queries: Callable[[int], object]
) -> None:
    lease = take_once(row)

    with django_assert_num_queries(0):  # type: ignore[attr-defined]  # a context manager
        lease.renew_if_old()
    lease.renewed_at -= django_settings.LEASE_SECONDS
    with django_assert_num_queries(1):  # type: ignore[attr-defined]  # a context manager
        lease.renew_if_old()


def test_a_released_row_is_taken_again_after_its_delay(row: ObjectDeletion) -> None:
    take_once(row).release(after=timedelta(hours=1))
    released_lease = take(row)
    ObjectDeletion.objects.update(run_after=timezone.now() - PAST)

    assert released_lease is None
    assert take_once(row).attempts == 2


def test_a_release_can_leave_the_attempt_uncounted(row: ObjectDeletion) -> None:
    take_once(row).release(count_attempt=False)

    row.refresh_from_db()
    assert (row.attempts, row.lease_holder, row.lease_expires_at) == (0, None, None)


@pytest.mark.django_db(transaction=True)
def test_a_row_that_must_be_held_is_locked() -> None:
    row = create_deletion()
    lease = take_once(row)

    def finish() -> None:
        with transaction.atomic():
            lease.require_held()

    check_that_it_waits(finish, row)


@pytest.mark.covers("F05")
@pytest.mark.django_db(transaction=True)
def test_of_many_concurrent_workers_one_takes_the_row() -> None:
    row, barrier = create_deletion(), Barrier(12)

    def compete(_: int) -> bool:
        try:
            barrier.wait(timeout=30)
            return take(row) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(12) as pool:
        results = list(pool.map(compete, range(12)))

    row.refresh_from_db()
    assert results.count(True) == 1
    assert (row.attempts, row.lease_fence) == (1, 1)


@pytest.mark.covers("F31", "I15")
@pytest.mark.django_db(transaction=True)
def test_the_lease_is_renewed_during_a_long_call(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "MIN_RENEWAL_SECONDS", 0.01)
    settings.LEASE_SECONDS = 0.03
    row = create_deletion()
    lease = take_once(row)
    renewals: set[object] = set()
    deadline = time.monotonic() + 20

    with lease.renewing():
        while len(renewals) < 5:
            assert time.monotonic() < deadline
            row.refresh_from_db()
            renewals.add(row.lease_expires_at)

    assert row.lease_fence == lease.fence == 1


@pytest.mark.covers("F31", "I15")
@pytest.mark.django_db(transaction=True)
def test_a_lease_lost_during_a_long_call_is_not_taken_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "MIN_RENEWAL_SECONDS", 0.01)
    settings.LEASE_SECONDS = 0.03
    row = create_deletion()
    lease = take_once(row)
    other_holder_fields = {"lease_holder": uuid.uuid4(), "lease_fence": 2}
    ObjectDeletion.objects.filter(pk=row.pk).update(**other_holder_fields)

    with lease.renewing():
        lease_threads = [thread for thread in threading.enumerate() if thread.name == "lease"]
        for thread in lease_threads:
            thread.join(20)

    row.refresh_from_db()
    assert {name: getattr(row, name) for name in other_holder_fields} == other_holder_fields
    with transaction.atomic(), pytest.raises(LeaseLostError):
        lease.require_held()


@pytest.mark.parametrize(("lease_seconds", "interval"), [(60, 20), (1.5, 0.5), (0.9, 0.5)])
def test_a_thread_renews_after_a_third_of_the_lease_at_most_twice_a_second(
    lease_seconds: float, interval: float
) -> None:
    assert leases.renewal_interval(lease_seconds) == interval
