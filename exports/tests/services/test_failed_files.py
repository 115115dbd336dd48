"""Exports in which some files fail."""

import hashlib

import pytest

from accounts.models import User
from exports.errors import (
    ExportFailedError,
)
from exports.models import RunStatus
from exports.services import build_archive, convert_item, runs
from exports.tests.exporting import (
    clear_delays,
    discard,
    entry,
    files_of,
    finished_run,
    item_of,
    manifest_of,
    run_to_end,
    start,
    stored_keys,
)
from media.models import MediaResource, ResourceStatus
from media.storage import ObjectHeaders
from media.storage.testing.memory import MemoryStore


@pytest.mark.parametrize("deleted_position", [1, 3])
def test_a_file_deleted_during_the_run_does_not_fail_the_run(
    user: User, photos: list[MediaResource], deleted_position: int
) -> None:
    run = start(user, *map(entry, photos))
    discard(photos[deleted_position - 1])

    run_to_end(run)

    assert run.status == RunStatus.COMPLETED_WITH_ERRORS
    failed_item = item_of(run, deleted_position)
    assert (failed_item.status, failed_item.failure_code) == ("FAILED", "resource_deleted")
    assert manifest_of(run)["failed"] == [
        {
            "name": failed_item.name,
            "resource_id": str(failed_item.resource_id),
            "code": "resource_deleted",
        }
    ]
    assert len(files_of(run)) == 5


def test_a_broken_original_is_reported_and_does_not_fail_the_run(
    user: User, public: MemoryStore, photos: list[MediaResource]
) -> None:
    run = start(user, *map(entry, photos))
    MediaResource.objects.filter(pk=photos[0].pk).update(content_hash="0" * 64)
    MediaResource.objects.filter(pk=photos[1].pk).update(etag="0" * 32)

    run_to_end(run)

    assert run.status == RunStatus.COMPLETED_WITH_ERRORS
    codes = [item_of(run, position).failure_code for position in (1, 2, 3)]
    assert codes == ["source_changed", "source_changed", ""]


def test_an_image_that_cannot_be_decoded_is_reported(
    user: User, public: MemoryStore, photos: list[MediaResource]
) -> None:
    run = start(user, *map(entry, photos))
    body = b"\x89PNG\r\n\x1a\n" + bytes(200)
    headers = ObjectHeaders(content_type="image/png")
    head = public.put(photos[0].storage_key, body, headers=headers)
    MediaResource.objects.filter(pk=photos[0].pk).update(
        etag=head.etag, content_hash=hashlib.sha256(body).hexdigest(), file_size=len(body)
    )

    run_to_end(run)

    assert run.status == RunStatus.COMPLETED_WITH_ERRORS
    assert item_of(run).failure_code == "image_unreadable"
    assert item_of(run).failure_message


def test_a_failed_resource_is_a_failed_file(user: User, photos: list[MediaResource]) -> None:
    MediaResource.objects.filter(pk=photos[0].pk).update(
        status=ResourceStatus.FAILED, failure_code="file_corrupt"
    )

    run = finished_run(user, *map(entry, photos))

    assert item_of(run).failure_code == "resource_failed"
    assert item_of(run).failure_message.startswith("The file is damaged.")


def test_an_export_waits_for_a_pending_resource(user: User, photos: list[MediaResource]) -> None:
    MediaResource.objects.filter(pk=photos[0].pk).update(status=ResourceStatus.PENDING)
    run = run_to_end(start(user, *map(entry, photos)))
    assert run.status == RunStatus.RUNNING
    assert (item_of(run).status, item_of(run).waits, item_of(run).attempts) == ("WAITING", 1, 0)

    MediaResource.objects.filter(pk=photos[0].pk).update(status=ResourceStatus.READY)
    clear_delays()
    run_to_end(run)

    assert run.status == RunStatus.COMPLETED
    assert len(files_of(run)) == 6


def test_a_resource_that_stays_pending_is_given_up(user: User, photos: list[MediaResource]) -> None:
    MediaResource.objects.filter(pk=photos[0].pk).update(status=ResourceStatus.PENDING)
    run = start(user, *map(entry, photos))

    for _ in range(convert_item.MAX_WAITS + 1):
        clear_delays()
        convert_item.produce(item_of(run).pk)
    run_to_end(run)

    assert item_of(run).failure_code == "resource_pending"
    assert run.status == RunStatus.COMPLETED_WITH_ERRORS


def test_a_run_without_any_exportable_file_fails(user: User, photos: list[MediaResource]) -> None:
    run = start(user, *map(entry, photos))
    discard(*photos)

    run_to_end(run)

    assert (run.status, run.failure_code) == (RunStatus.FAILED, "nothing_exported")
    assert stored_keys() == []
    with pytest.raises(ExportFailedError):
        runs.sign_download(user=user, run_id=run.pk)


def test_files_too_large_for_an_archive_fail_the_run_before_packing(
    user: User, photos: list[MediaResource], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_archive, "MAX_ARCHIVE_BYTES", 10)
    run = start(user, *map(entry, photos))

    run_to_end(run)

    assert (run.status, run.failure_code) == (RunStatus.FAILED, "archive_too_large")
    assert not run.archive_key
