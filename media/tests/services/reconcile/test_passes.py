"""Passes: when they stop, how they continue, and how many queries they take."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from media.errors import LostNotConfirmedError
from media.models import ReconcileReport, ReconcileState
from media.rules import keys
from media.services.environment import require_own_environment
from media.services.reconcile import passes, service
from media.tests.services.deletion.aged_rows import (
    AheadMemoryStore,
    put_object,
)
from media.tests.services.reconcile.passes import codes, ready_resource, run
from media.tests.services.relocation.relocating import record_operations
from sartiq.core.models import Event

pytestmark = pytest.mark.django_db


@pytest.fixture
def many_lost(store: AheadMemoryStore, user: User, monkeypatch: pytest.MonkeyPatch) -> int:
    """Five of six rows have lost their object, and three may be marked."""
    monkeypatch.setattr(passes, "MIN_LOST_LIMIT", 3)
    rows = [ready_resource(store, user) for _ in range(6)]
    store.delete_many([row.storage_key for row in rows[:5]])
    return 5


@pytest.mark.covers("F27")
def test_too_many_losses_stop_the_pass(store: AheadMemoryStore, many_lost: int) -> None:
    operations = record_operations(store)

    report = run(store)

    assert (report.state, report.missing, report.failed) == (ReconcileState.STOPPED, many_lost, 0)
    assert set(codes().values()) == {""}
    assert "head" not in operations


def test_after_a_stop_later_passes_mark_nothing(store: AheadMemoryStore, many_lost: int) -> None:
    run(store)
    keys_of_lost = [key for key in codes() if key not in store.keys()]  # noqa: SIM118  a method
    for key in keys_of_lost[:3]:
        put_object(store, key)

    report = run(store)

    assert (report.state, report.missing) == (ReconcileState.COMPLETED, 2)
    assert (report.only_counts, report.failed) == (True, 0)
    assert run(store).failed == 2


def test_the_confirmed_number_lets_the_next_pass_mark(
    store: AheadMemoryStore, many_lost: int
) -> None:
    run(store)
    with pytest.raises(LostNotConfirmedError, match="counted 5 lost files"):
        run(store, confirm_lost=many_lost + 1)

    report = run(store, confirm_lost=many_lost)

    assert (report.state, report.failed) == (ReconcileState.COMPLETED, many_lost)
    with pytest.raises(LostNotConfirmedError, match="not stopped"):
        run(store, confirm_lost=many_lost)


def test_an_abandoned_pass_that_found_too_much_keeps_the_next_from_marking(
    store: AheadMemoryStore, user: User, many_lost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "BATCH_SIZE", 1)
    last_key = put_object(store, "media/zz.png")
    first_report = run(store, limit=1)
    assert (first_report.state, first_report.missing) == (ReconcileState.RUNNING, many_lost)

    report = run(store)

    assert report.only_counts
    first_report.refresh_from_db()
    assert (first_report.state, first_report.finished_at is None) == (ReconcileState.STOPPED, False)
    assert last_key in store.keys()  # noqa: SIM118  a method of the store


def test_a_pass_resumes_where_it_ended(
    store: AheadMemoryStore, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "BATCH_SIZE", 2)
    rows = [ready_resource(store, user) for _ in range(7)]
    for row in rows:
        put_object(store, keys.thumbnail_key(row.pk))
    lost_resources = [rows[0], rows[3], rows[6]]
    store.delete_many([row.storage_key for row in lost_resources])
    compared = 0

    report = run(store, limit=3)
    while report.state == ReconcileState.RUNNING:
        assert report.objects_compared > compared
        compared = report.objects_compared
        report = run(store, limit=3, resume=True)

    assert ReconcileReport.objects.count() == 1
    assert (report.objects_compared, report.rows_compared) == (11, 7)
    assert {key for key, code in codes().items() if code} == {
        row.storage_key for row in lost_resources
    }


def test_the_number_of_queries_depends_on_batches_only(store: AheadMemoryStore, user: User) -> None:
    require_own_environment()  # cached for a minute
    counts: list[int] = []
    for number in (3, 30):
        for _ in range(number):
            ready_resource(store, user)
            put_object(store, f"media/{number}-{_}.png")
            lost_resources = ready_resource(store, user)
            store.delete_many([lost_resources.storage_key])
        with CaptureQueriesContext(connection) as queries:
            run(store)
        counts.append(len(queries))

    assert counts[0] == counts[1] < 30


def test_a_pass_and_the_rows_it_marks_are_recorded_as_events(
    store: AheadMemoryStore, user: User
) -> None:
    lost_resources, _ = ready_resource(store, user), ready_resource(store, user)
    store.delete_many([lost_resources.storage_key])

    report = run(store)

    rows = Event.objects.values_list("action", "object_id", "details__code", "details__missing")
    assert set(rows) == {
        ("media_resource.failed", lost_resources.pk, "object_missing", None),
        ("reconcile.finished", report.pk, None, 1),
    }


@pytest.mark.covers("F38")
def test_beat_makes_one_pass_a_day_in_steps(
    store: AheadMemoryStore, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passes, "BATCH_SIZE", 1)
    for _ in range(30):
        ready_resource(store, user)

    assert passes.next_step() == 3  # of 60 objects, in 20 steps
    while (limit := passes.next_step()) is not None:
        run(store, limit=limit, resume=True)

    assert ReconcileReport.objects.get().state == ReconcileState.COMPLETED
    a_day_ago = timezone.now() - timedelta(days=1, minutes=1)
    ReconcileReport.objects.update(started_at=a_day_ago)
    assert passes.next_step() == 2  # of the 30 objects of the last pass
