"""Partitions are created before they are needed, and dropped when they are old."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from sartiq.core.events import partitions
from sartiq.core.models import ActorKind, Event
from sartiq.core.tasks import maintain_event_partitions

YEAR = timedelta(days=365)
NOW = datetime(2031, 1, 31, 23, 30, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def store(*times: datetime) -> None:
    Event.objects.bulk_create(
        Event(action="sample.changed", created_at=time, actor_kind=ActorKind.COMMAND)
        for time in times
    )


def partitions_of_events() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM core_event ORDER BY created_at")
        return [name for (name,) in cursor.fetchall()]


def test_a_new_database_has_this_month_and_the_next_two() -> None:
    now = datetime.now(UTC)

    store(now, now + timedelta(days=59))

    assert partitions.DEFAULT not in partitions_of_events()


def test_months_ahead_are_created_once() -> None:
    report = partitions.maintain(now=NOW, retention=YEAR)
    second_report = partitions.maintain(now=NOW, retention=YEAR)

    expected = ["core_event_2031_01", "core_event_2031_02", "core_event_2031_03"]
    assert list(report.created) == expected
    assert second_report == partitions.Maintained()


def test_events_without_a_partition_are_kept_and_moved() -> None:
    times = [datetime(2031, 1, 5, tzinfo=UTC), datetime(2044, 7, 1, tzinfo=UTC)]
    store(*times)
    assert partitions_of_events() == [partitions.DEFAULT] * 2

    report = partitions.maintain(now=NOW, retention=YEAR)

    assert report.moved == 2
    assert partitions_of_events() == ["core_event_2031_01", "core_event_2044_07"]
    assert sorted(Event.objects.values_list("created_at", flat=True)) == times
    store(datetime(2055, 1, 1, tzinfo=UTC))
    assert partitions_of_events()[-1] == partitions.DEFAULT


def test_moved_events_are_still_append_only() -> None:
    store(NOW)
    partitions.maintain(now=NOW, retention=YEAR)

    with pytest.raises(Exception, match="never changed"), transaction.atomic():
        Event.objects.update(action="x")
    with pytest.raises(Exception, match="never changed"), transaction.atomic():
        Event.objects.all().delete()


def test_a_month_is_dropped_when_all_of_it_is_old() -> None:
    partitions.maintain(now=NOW, retention=YEAR)
    store(NOW, NOW + timedelta(days=1))
    end_of_january = datetime(2031, 2, 1, tzinfo=UTC)

    early_report = partitions.maintain(
        now=end_of_january + YEAR - timedelta(hours=1), retention=YEAR
    )
    report = partitions.maintain(now=end_of_january + YEAR, retention=YEAR)

    assert "core_event_2031_01" not in early_report.dropped
    assert report.dropped == ("core_event_2031_01",)
    assert partitions_of_events() == ["core_event_2031_02"]


def test_old_events_without_a_partition_are_deleted_too() -> None:
    store(NOW - 2 * YEAR)

    partitions.maintain(now=NOW, retention=YEAR)

    assert not Event.objects.exists()


def test_the_task_follows_the_setting(settings: Any) -> None:
    settings.EVENT_RETENTION_DAYS = 31
    store(datetime.now(UTC) - timedelta(days=200), datetime.now(UTC))

    maintain_event_partitions()

    assert Event.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_long_transaction_delays_only_the_maintenance() -> None:
    """Dropping waits for at most half a second, then gives up until the next run."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE core_event_2001_01 PARTITION OF core_event"
            " FOR VALUES FROM ('2001-01-01Z') TO ('2001-02-01Z')"
        )
    other_connection = connection.copy()
    try:
        with transaction.atomic(using="default"):
            pass
        with other_connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("LOCK TABLE core_event IN ROW EXCLUSIVE MODE")

            blocked_report = partitions.maintain(now=datetime.now(UTC), retention=YEAR)

            cursor.execute("ROLLBACK")
        report = partitions.maintain(now=datetime.now(UTC), retention=YEAR)
    finally:
        other_connection.close()

    assert blocked_report.dropped == ()
    assert report.dropped == ("core_event_2001_01",)
