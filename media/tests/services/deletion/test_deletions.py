from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from media.errors import StoreRefusedError, StoreUnavailableError
from media.models import Bucket, DeletionReason, MediaResource, ObjectDeletion, ResourceStatus
from media.services import deletions, failed_deletions, resources
from media.storage import ObjectHeaders, private_store
from media.storage.testing.memory import MemoryStore, nothing
from media.tests.factories import deliver, ingest, originals, photo, ready_resource, upload_file
from sartiq.core.models import new_id
from sartiq.core.work import crash_points

pytestmark = pytest.mark.django_db

HEADERS = ObjectHeaders(content_type="image/png")


def queued_deletions(memory: MemoryStore, key: str = "temp/any") -> ObjectDeletion:
    memory.put(key, b"useless", headers=HEADERS)
    deletions.queue([key], reason=DeletionReason.EXPIRED)
    return ObjectDeletion.objects.get(key=key)


def fail(resource: MediaResource) -> None:
    rows = MediaResource.objects.filter(pk=resource.pk)
    rows.update(status="FAILED", failure_code="store_unavailable")


def fail_deletes(memory: MemoryStore, error: type[Exception]) -> None:
    def fail(operation: str, key: str) -> None:
        if operation == "delete_many":
            raise error

    memory.before = fail


def perform(deletion: ObjectDeletion) -> ObjectDeletion:
    ObjectDeletion.objects.filter(pk=deletion.pk).update(run_after=None)
    deletions.perform(deletion.pk)
    return ObjectDeletion.objects.get(pk=deletion.pk)


@pytest.mark.covers("F05")
def test_a_queued_object_is_deleted_once_by_many_tasks(memory: MemoryStore) -> None:
    memory.put("temp/other", b"kept", headers=HEADERS)
    deletion = queued_deletions(memory)

    for _ in range(10):
        deletions.perform(deletion.pk)

    assert memory.keys() == ["temp/other"]
    assert not ObjectDeletion.objects.exists()


def test_an_object_is_queued_once(memory: MemoryStore) -> None:
    queued_deletions(memory, "temp/a")

    deletions.queue(["temp/b", "temp/a", "temp/b"], reason=DeletionReason.ORPHANED)

    rows = ObjectDeletion.objects.order_by("key").values_list("key", "reason")
    assert list(rows) == [("temp/a", "EXPIRED"), ("temp/b", "ORPHANED")]


def test_thousands_of_objects_can_wait_for_the_periodic_task(
    memory: MemoryStore, django_capture_on_commit_callbacks: Any
) -> None:
    keys = [f"temp/{n}" for n in range(2000)]

    with django_capture_on_commit_callbacks() as queries:
        deletions.queue(keys, reason=DeletionReason.EXPIRED, notify_workers=False)

    assert queries == []
    assert ObjectDeletion.objects.alive().filter(key__in=keys).count() == 2000


def test_deleting_a_missing_object_succeeds(memory: MemoryStore) -> None:
    deletions.queue(["temp/never"], reason=DeletionReason.EXPIRED)

    deletions.perform(ObjectDeletion.objects.get().pk)

    assert not ObjectDeletion.objects.exists()


def test_the_object_is_deleted_from_its_bucket(memory: MemoryStore) -> None:
    memory.put("temp/x", b"public", headers=HEADERS)
    private_store().put("temp/x", b"private", headers=HEADERS)
    deletions.queue(["temp/x"], reason=DeletionReason.REPLACED, bucket=Bucket.PRIVATE)

    deletions.perform(ObjectDeletion.objects.get().pk)

    assert memory.keys() == ["temp/x"]
    assert list(private_store().list("temp/")) == []


@pytest.mark.parametrize(
    ("attempts", "seconds"),
    [(1, 10), (2, 20), (3, 40), (8, 1280), (11, 10_240), (12, 20_480), (13, 21_600), (99, 21_600)],
)
def test_retry_delays_double_up_to_six_hours(attempts: int, seconds: int) -> None:
    assert deletions.retry_delay(attempts) == timedelta(seconds=seconds)


@pytest.mark.covers("F22")
def test_a_deletion_is_given_up_after_eight_attempts_and_can_be_run_again(
    memory: MemoryStore,
) -> None:
    deletion = queued_deletions(memory)
    memory.undeletable = {deletion.key}
    pauses = []

    for attempt in range(1, 9):
        row = perform(deletion)
        assert (row.attempts, row.dead) == (attempt, attempt == 8)
        assert row.run_after is not None
        pauses.append(round((row.run_after - timezone.now()).total_seconds() / 10) * 10)

    assert pauses == [10, 20, 40, 80, 160, 320, 640, 1280]
    assert (row.last_error, row.lease_holder) == ("AccessDenied", None)
    assert row.last_attempted_at is not None
    assert perform(deletion).attempts == 8  # a dead letter is not attempted

    memory.undeletable = set()
    failed_deletions.retry_rows([row.pk])
    requeued = ObjectDeletion.objects.get()
    assert (requeued.dead, requeued.attempts, requeued.run_after) == (False, 0, None)
    deletions.perform(requeued.pk)
    assert memory.keys() == []


def test_requeueing_a_deletion_that_is_already_queued_adds_no_second_row(
    memory: MemoryStore,
) -> None:
    deletion = queued_deletions(memory)
    ObjectDeletion.objects.filter(pk=deletion.pk).update(dead=True)
    deletions.queue([deletion.key], reason=DeletionReason.ORPHANED)

    failed_deletions.retry_rows([deletion.pk])

    assert ObjectDeletion.objects.get().reason == DeletionReason.ORPHANED


@pytest.mark.covers("F14")
def test_a_failing_store_is_tried_again(memory: MemoryStore) -> None:
    deletion = queued_deletions(memory)
    fail_deletes(memory, StoreUnavailableError)

    row = perform(deletion)

    assert (row.attempts, row.dead, row.lease_holder) == (1, False, None)
    assert row.last_error == "Service temporarily unavailable"
    memory.before = nothing
    deletions.perform(deletion.pk)  # not due yet
    assert memory.keys() == [deletion.key]


@pytest.mark.covers("F19")
def test_rotated_credentials_give_up_no_deletion(memory: MemoryStore) -> None:
    deletion = queued_deletions(memory)
    fail_deletes(memory, StoreRefusedError)

    for _ in range(20):
        row = perform(deletion)

    assert (row.attempts, row.dead, row.last_error) == (0, False, "refused")


@pytest.mark.covers("F16")
def test_a_deletion_whose_response_was_lost_is_finished_by_the_next_attempt(
    memory: MemoryStore,
) -> None:
    deletion = queued_deletions(memory)

    def delete_before(operation: str, key: str) -> None:
        if operation == "open":  # of the environment marker
            return
        memory.after = nothing
        raise StoreUnavailableError

    memory.after = delete_before
    assert perform(deletion).attempts == 1
    assert memory.keys() == []

    ObjectDeletion.objects.update(run_after=None)
    deletions.perform(deletion.pk)

    assert not ObjectDeletion.objects.exists()


@pytest.mark.covers("F17")
def test_only_the_keys_that_the_store_reports_stay_queued(memory: MemoryStore) -> None:
    stuck = queued_deletions(memory, "temp/stuck")
    other_deletion = queued_deletions(memory, "temp/free")
    memory.undeletable = {"temp/stuck"}

    deletions.perform(other_deletion.pk)
    row = perform(stuck)

    assert memory.keys() == ["temp/stuck"]
    assert row.last_error == "AccessDenied"
    assert ObjectDeletion.objects.get() == row


@pytest.mark.covers("I08")
def test_an_object_that_a_row_needs_is_not_deleted(memory: MemoryStore, user: User) -> None:
    resource = ready_resource(memory, user, photo(1))
    (waiting_resource,) = ingest(user, [upload_file(memory, user, photo(2))])
    future_key = f"media/{waiting_resource.pk}/file.png"
    needed = [resource.storage_key, waiting_resource.storage_key, future_key]
    deletions.queue(needed, reason=DeletionReason.ORPHANED)

    for row in ObjectDeletion.objects.all():
        later_deletion = perform(row)
        assert later_deletion.attempts == 0
        assert later_deletion.run_after is not None
        assert 290 < (later_deletion.run_after - timezone.now()).total_seconds() <= 300

    assert set(memory.keys()) == resource.own_keys | {waiting_resource.storage_key}
    assert deliver(waiting_resource).status == ResourceStatus.READY


def test_an_object_is_deleted_once_no_row_needs_it(memory: MemoryStore, user: User) -> None:
    resource = ready_resource(memory, user)
    deletions.queue([resource.storage_key], reason=DeletionReason.ORPHANED)
    row = perform(ObjectDeletion.objects.get())
    MediaResource.objects.filter(pk=resource.pk).update(
        status="FAILED", failure_code="object_missing"
    )

    ObjectDeletion.objects.filter(pk=row.pk).update(run_after=None)
    deletions.perform(row.pk)

    assert originals(memory) == []


@pytest.mark.covers("I08", "I15")
def test_a_resource_is_not_retried_while_its_copy_is_being_deleted(
    memory: MemoryStore, user: User
) -> None:
    (resource,) = ingest(user, [upload_file(memory, user)])
    copy_key = f"media/{resource.pk}/file.png"
    fail(resource)
    deletions.queue([copy_key], reason=DeletionReason.REJECTED)
    retried: list[bool] = []

    def retry_meanwhile(point: str) -> None:
        if point == "deletions-selected":
            retried.append(resources.retry(MediaResource.objects.get(pk=resource.pk)))

    crash_points.install(retry_meanwhile)
    try:
        deletions.perform(ObjectDeletion.objects.get().pk)
    finally:
        crash_points.install(None)

    assert retried == [False]
    assert resources.retry(MediaResource.objects.get(pk=resource.pk)) is True
    assert deliver(resource).status == ResourceStatus.READY


def test_retrying_a_resource_cancels_its_queued_deletion(memory: MemoryStore, user: User) -> None:
    (resource,) = ingest(user, [upload_file(memory, user)])
    fail(resource)
    deletions.queue([f"media/{resource.pk}/file.png"], reason=DeletionReason.REJECTED)

    assert resources.retry(MediaResource.objects.get(pk=resource.pk)) is True

    assert not ObjectDeletion.objects.exists()


def test_a_failed_resource_whose_bytes_were_uploaded_again_stays_failed(
    memory: MemoryStore, user: User
) -> None:
    (failed_resource,) = ingest(user, [upload_file(memory, user)])
    MediaResource.objects.filter(pk=failed_resource.pk).update(
        status="FAILED", failure_code="decode_limit"
    )
    (second_resource,) = ingest(user, [upload_file(memory, user)])

    assert resources.retry(MediaResource.objects.get(pk=failed_resource.pk)) is False

    assert second_resource.pk != failed_resource.pk
    failed_resource.refresh_from_db()
    assert (failed_resource.status, failed_resource.failure_code) == ("FAILED", "decode_limit")


def test_performing_a_deletion_that_does_not_exist_succeeds(memory: MemoryStore) -> None:
    deletions.perform(new_id())

    assert memory.keys() == []
