"""Exports with crashes, repeated messages, lost leases and a lost broker."""

import gc
from collections.abc import Callable
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from exports.models import ExportItem, ExportRun, ItemStatus, RunStatus
from exports.selectors import progress_of
from exports.services import build_archive, convert_item, dispatch, recovery
from exports.tests.exporting import (
    archive_of,
    delete_due_objects,
    discard,
    entry,
    files_of,
    finished_run,
    item_ids,
    item_of,
    run_to_end,
    start,
    stored_keys,
)
from media.models import MediaResource, ObjectDeletion
from media.storage.testing.memory import MemoryStore
from media.tests.crashes import Crash, dying_at
from media.tests.threads import at_once
from sartiq.core import temporary_files
from sartiq.core.work import crash_points, leases
from sartiq.core.work.queues import BULK, EXPORTS, MEDIA
from sartiq.core.work.resend import has_waiting_rows
from sartiq.core.work.retry_policy import MAX_ATTEMPTS

POINTS = [
    *("lease-taken", "export-downloaded", "export-converted", "export-put", "export-marking"),
    *("export-marked", "export-assembling", "export-archived", "export-finishing"),
    "export-finished",
]
TWO_HOURS = timedelta(hours=2)


def items_in_memory() -> int:
    gc.collect()
    return sum(type(instance) is ExportItem for instance in gc.get_objects())


def make_deletions_due() -> None:
    """Make the deletions due that were queued before their object was stored."""
    waiting = ObjectDeletion.objects.filter(run_after__isnull=False)
    waiting.update(run_after=F("run_after") - TWO_HOURS)


@pytest.mark.covers("F30", "I11", "I15")
@pytest.mark.django_db(transaction=True)
def test_the_archive_is_complete_despite_a_crash_at_any_step(
    user: User, photos: list[MediaResource], settings: Settings
) -> None:
    settings.LEASE_SECONDS = 0  # the lease of a dead worker ends immediately
    entries = [entry(image) for image in photos[:2]]
    expected = archive_of(finished_run(user, *entries))

    for point, max_crashes in product(POINTS, (1, 3)):
        run = start(user, *entries)
        crashes = run_with_crashes(run, point, max_crashes=max_crashes)

        assert crashes >= 1, point
        assert run.status == RunStatus.COMPLETED, point
        assert archive_of(run) == expected, point
        make_deletions_due()
        delete_due_objects()
        archives = ExportRun.objects.values_list("archive_key", flat=True)
        assert sorted(stored_keys()) == sorted(archives), point


def run_with_crashes(run: ExportRun, point: str, *, max_crashes: int) -> int:
    """Run an export whose workers crash at a step, and return how often they did."""
    crashes = 0
    for _ in range(20):
        crash_points.install(dying_at(point) if crashes < max_crashes else None)
        try:
            run_to_end(run)
            recovery.resend()
        except Crash:
            crashes += 1
        finally:
            crash_points.install(None)
        run.refresh_from_db()
        if run.is_finished:
            break
    return crashes


@pytest.mark.covers("F05")
def test_messages_delivered_ten_times_create_one_archive(
    user: User, photos: list[MediaResource], private: MemoryStore
) -> None:
    run = start(user, *map(entry, photos))

    run_to_end(run, times=10)

    assert run.status == RunStatus.COMPLETED
    assert [item.attempts for item in ExportItem.objects.all()] == [1, 1, 1]
    assert run.attempts == 1
    assert len(stored_keys()) == 4


@pytest.mark.covers("F05")
@pytest.mark.django_db(transaction=True)
def test_concurrent_workers_create_one_archive(user: User, photos: list[MediaResource]) -> None:
    run = start(user, *map(entry, photos))
    pks = item_ids(run)

    def converting(pk: Any) -> Callable[[], None]:
        return lambda: convert_item.produce(pk)

    at_once([converting(pk) for pk in (*pks, *pks)])
    at_once([lambda: build_archive.assemble(run.pk) for _ in range(3)])

    run.refresh_from_db()
    assert run.status == RunStatus.COMPLETED
    assert ExportItem.objects.filter(attempts=1).count() == 3
    delete_due_objects()
    assert stored_keys() == [run.archive_key]


@pytest.mark.covers("F31", "I15")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("point", ["export-converted", "export-put"])
def test_a_worker_that_lost_its_lease_saves_nothing(
    user: User, photos: list[MediaResource], settings: Settings, point: str
) -> None:
    run = start(user, entry(photos[0]))
    [item_id] = item_ids(run)
    settings.LEASE_SECONDS = 0

    def finish_as_other_worker(point_reached: str) -> None:
        if point_reached == point:
            crash_points.install(None)
            at_once([lambda: leases.take(ExportItem.objects.filter(pk=item_id))])

    crash_points.install(finish_as_other_worker)
    convert_item.produce(item_id)

    assert item_of(run).status == ItemStatus.WAITING
    run_to_end(run)
    assert run.status == RunStatus.COMPLETED
    make_deletions_due()
    delete_due_objects()
    assert stored_keys() == [run.archive_key]


@pytest.mark.covers("F06", "I15")
def test_a_file_that_kills_every_worker_is_given_up(
    user: User, photos: list[MediaResource]
) -> None:
    run = start(user, *map(entry, photos))
    ExportItem.objects.filter(position=2).update(attempts=MAX_ATTEMPTS)

    run_to_end(run)

    assert item_of(run, 2).failure_code == "attempts_exhausted"
    assert run.status == RunStatus.COMPLETED_WITH_ERRORS


@pytest.mark.covers("F06", "I15")
def test_an_archive_that_kills_every_worker_is_given_up(
    user: User, photos: list[MediaResource]
) -> None:
    run = start(user, *map(entry, photos))
    ExportRun.objects.update(attempts=MAX_ATTEMPTS)

    run_to_end(run)
    delete_due_objects()

    assert (run.status, run.failure_code) == (RunStatus.FAILED, "attempts_exhausted")
    assert stored_keys() == []


def test_failed_files_leave_no_objects_in_memory(user: User, photos: list[MediaResource]) -> None:
    run = start(user, *[entry(photos[0])] * 3)
    discard(photos[0])
    before = items_in_memory()

    for pk in item_ids(run):
        convert_item.produce(pk)

    assert run.items.failed().count() == 3
    assert items_in_memory() == before


@pytest.mark.covers("F08")
def test_lost_messages_are_sent_again(
    user: User, photos: list[MediaResource], enqueued: list[tuple[str, ...]]
) -> None:
    run = start(user, *map(entry, photos))
    ExportItem.objects.update(sent_at=timezone.now() - TWO_HOURS)

    resent = recovery.resend()

    assert resent == 3
    assert enqueued == [("exports.convert", str(pk)) for pk in item_ids(run)]
    assert recovery.resend() == 0


@pytest.mark.covers("F08")
def test_a_run_without_an_archive_is_enqueued_again(
    user: User, photos: list[MediaResource], enqueued: list[tuple[str, ...]]
) -> None:
    run = start(user, *map(entry, photos))
    for pk in item_ids(run):
        convert_item.produce(pk)
    assert recovery.resend() == 0  # the last file has just enqueued the packing
    ExportRun.objects.update(created_at=timezone.now() - TWO_HOURS)

    assert recovery.resend() == 1
    assert enqueued == [("exports.assemble", str(run.pk))]


@pytest.mark.parametrize("step", ["convert", "assemble"])
def test_waiting_files_and_archives_are_in_the_queue_of_exports(
    user: User, photos: list[MediaResource], enqueued: list[tuple[str, ...]], step: str
) -> None:
    assert not has_waiting_rows([EXPORTS])
    run = start(user, *map(entry, photos))
    if step == "assemble":
        for pk in item_ids(run):
            convert_item.produce(pk)

    assert has_waiting_rows([EXPORTS])
    assert not has_waiting_rows([MEDIA, BULK])

    run_to_end(run)
    assert not has_waiting_rows([EXPORTS])


def test_a_large_run_never_fills_the_queue(
    user: User, photos: list[MediaResource], enqueued: list[tuple[str, ...]]
) -> None:
    run = start(user, *[entry(photos[0])] * (dispatch.MAX_ENQUEUED + 3))
    sent_items = ExportItem.objects.filter(sent_at__isnull=False)
    assert sent_items.count() == dispatch.MAX_ENQUEUED
    assert recovery.resend() == 0

    convert_item.produce(item_of(run).pk)
    assert sent_items.count() == dispatch.MAX_ENQUEUED + 1
    convert_item.produce(item_of(run).pk)
    assert sent_items.count() == dispatch.MAX_ENQUEUED + 1

    ExportItem.objects.filter(position__gt=3).update(sent_at=None)
    assert dispatch.top_up(run.pk) == dispatch.MAX_ENQUEUED - 2


def test_files_that_wait_for_a_resource_do_not_block_others(
    user: User, photos: list[MediaResource]
) -> None:
    MediaResource.objects.filter(pk=photos[0].pk).update(status="PENDING")
    run = start(user, *[entry(photos[0])] * dispatch.MAX_ENQUEUED, entry(photos[1]))

    convert_item.produce(item_of(run).pk)

    assert item_of(run, dispatch.MAX_ENQUEUED + 1).sent_at is not None


def test_no_file_is_left_on_disk(
    user: User, photos: list[MediaResource], tmp_path: Path, settings: Settings
) -> None:
    settings.TEMPORARY_DIR = str(tmp_path)

    finished_run(user, *map(entry, photos))

    assert list(temporary_files.process_folder().iterdir()) == []


def test_progress_is_visible_during_a_run(user: User, photos: list[MediaResource]) -> None:
    run = start(user, *map(entry, photos))
    progress_steps = []
    for pk in item_ids(run):
        convert_item.produce(pk)
        progress = progress_of([run])[run.pk]
        progress_steps.append((progress.finished, progress.pending, progress.total))

    assert progress_steps == [(1, 2, 3), (2, 1, 3), (3, 0, 3)]
    assert len(files_of(run_to_end(run))) == 6
