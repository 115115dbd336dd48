"""Exports on a store that fails, rejects requests, or loses objects."""

import pytest
from django.db.models.functions import Now

from accounts.models import User
from exports.models import ExportItem, ExportRun, ItemStatus, RunStatus
from exports.services import build_archive, convert_item
from exports.tests.exporting import (
    archive_of,
    clear_delays,
    delete_due_objects,
    entry,
    finished_run,
    item_ids,
    item_of,
    run_to_end,
    start,
    stored_keys,
)
from media.errors import StoreRefusedError, StoreUnavailableError
from media.models import MediaResource
from media.storage.testing.memory import MemoryStore, nothing
from sartiq.core.work.retry_policy import MAX_ATTEMPTS, MAX_OUTAGE


def failing(store: MemoryStore, operation: str, error: Exception) -> None:
    def hook(called: str, key: str) -> None:
        if called == operation:
            raise error

    store.before = hook


@pytest.mark.covers("F14")
@pytest.mark.parametrize("operation", ["open", "put"])
def test_a_store_outage_is_retried(
    user: User,
    photos: list[MediaResource],
    public: MemoryStore,
    private: MemoryStore,
    operation: str,
) -> None:
    run = start(user, *map(entry, photos))
    failing(public if operation == "open" else private, operation, StoreUnavailableError())
    run_to_end(run)
    assert {item.status for item in run.items.all()} == {ItemStatus.WAITING}
    assert {item.attempts for item in run.items.all()} == {0}

    public.before = private.before = nothing
    clear_delays()
    run_to_end(run)

    assert run.status == RunStatus.COMPLETED


@pytest.mark.covers("F14")
def test_a_store_outage_of_a_day_fails_the_file(
    user: User, photos: list[MediaResource], public: MemoryStore
) -> None:
    run = start(user, *map(entry, photos))
    key = photos[0].storage_key

    def hook(called: str, opened_key: str) -> None:
        if called == "open" and opened_key == key:
            raise StoreUnavailableError

    public.before = hook
    for _ in range(MAX_ATTEMPTS + 1):
        clear_delays()
        run_to_end(run, times=1)
    assert item_of(run).status == ItemStatus.WAITING

    ExportItem.objects.update(run_after=None, unavailable_since=Now() - MAX_OUTAGE)
    run_to_end(run)

    assert item_of(run).failure_code == "store_unavailable"
    assert run.status == RunStatus.COMPLETED_WITH_ERRORS


@pytest.mark.covers("F14")
def test_a_store_outage_of_a_day_fails_the_run(
    user: User, photos: list[MediaResource], private: MemoryStore
) -> None:
    run = start(user, *map(entry, photos))
    for pk in item_ids(run):
        convert_item.produce(pk)
    failing(private, "put", StoreUnavailableError())

    for _ in range(MAX_ATTEMPTS + 1):
        clear_delays()
        build_archive.assemble(run.pk)
    run.refresh_from_db()
    assert run.status == RunStatus.RUNNING

    ExportRun.objects.update(run_after=None, unavailable_since=Now() - MAX_OUTAGE)
    build_archive.assemble(run.pk)

    run.refresh_from_db()
    assert (run.status, run.failure_code) == (RunStatus.FAILED, "store_unavailable")


@pytest.mark.covers("F19")
def test_wrong_credentials_fail_no_file(
    user: User, photos: list[MediaResource], public: MemoryStore, private: MemoryStore
) -> None:
    run = start(user, *map(entry, photos))
    failing(public, "open", StoreRefusedError())
    for _ in range(MAX_ATTEMPTS + 1):
        clear_delays()
        run_to_end(run)
    assert {item.attempts for item in run.items.all()} == {0}

    public.before = nothing
    clear_delays()
    for pk in item_ids(run):
        convert_item.produce(pk)
    assert {item.status for item in run.items.all()} == {ItemStatus.DONE}
    failing(private, "put", StoreRefusedError())
    for _ in range(MAX_ATTEMPTS + 1):
        clear_delays()
        build_archive.assemble(run.pk)
    run.refresh_from_db()
    assert (run.status, run.attempts) == (RunStatus.RUNNING, 0)
    assert run.unavailable_since is not None
    private.before = nothing
    clear_delays()
    run_to_end(run)

    assert run.status == RunStatus.COMPLETED


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_lost_converted_file_is_converted_again(
    user: User, photos: list[MediaResource], private: MemoryStore, *, is_replaced: bool
) -> None:
    expected = archive_of(finished_run(user, *map(entry, photos)))
    run = start(user, *map(entry, photos))
    for pk in item_ids(run):
        convert_item.produce(pk)
    item = item_of(run, 2)
    private.delete_many([item.result_key])
    if is_replaced:
        other_bytes = bytes(item.result_size or 0)
        private.put(item.result_key, other_bytes, headers=build_archive.HEADERS)

    build_archive.assemble(run.pk)
    assert item_of(run, 2).status == ItemStatus.WAITING
    run_to_end(run)

    assert run.status == RunStatus.COMPLETED
    assert archive_of(run) == expected
    delete_due_objects()
    assert sorted(stored_keys()) == sorted(ExportRun.objects.values_list("archive_key", flat=True))
