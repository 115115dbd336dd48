"""How many messages thousands of waiting rows need."""

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from accounts.models import User
from media.errors import StoreUnavailableError
from media.models import (
    Bucket,
    DeletionReason,
    MediaResource,
    ObjectDeletion,
    ResourceStatus,
    ResourceType,
)
from media.services import deletions, recovery, resources
from media.storage import ObjectHeaders, private_store
from media.storage.contract import DeleteFailures
from media.storage.testing.memory import MemoryStore
from sartiq.core.models import new_id
from sartiq.core.work import publishing
from sartiq.core.work.resend import RESEND_BATCH_SIZE

pytestmark = pytest.mark.django_db

HEADERS = ObjectHeaders(content_type="image/png")
WAITING_ROWS = 3200


def waiting_resources(user: User, count: int) -> None:
    MediaResource.objects.bulk_create(
        MediaResource(
            id=(pk := new_id()),
            user=user,
            resource_type=ResourceType.IMAGE,
            storage_key=f"temp/{pk}",
            content_hash=str(pk),
            content_type="image/png",
            extension="png",
            file_size=1,
        )
        for _ in range(count)
    )
    MediaResource.objects.update(created_at=timezone.now() - timedelta(hours=1))


@pytest.fixture
def broker(broker_client: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(publishing, "_paused_until", 0.0)
    publishing._connection.cache_clear()
    yield broker_client
    publishing._connection.cache_clear()


def queue_deletions(memory: MemoryStore, count: int) -> list[str]:
    keys = [f"temp/{number:04}" for number in range(count)]
    for key in keys:
        memory.put(key, b"useless", headers=HEADERS)
    deletions.queue(keys, reason=DeletionReason.EXPIRED, notify_workers=False)
    return keys


@pytest.mark.covers("F08")
def test_no_row_has_two_messages_waiting_however_long_the_queue_is(
    user: User, broker: Any, settings: Settings
) -> None:
    settings.RESEND_AFTER_SECONDS = 0
    waiting_resources(user, WAITING_ROWS)

    results = [recovery.resend_resources() for _ in range(10)]

    assert results == [RESEND_BATCH_SIZE] + [0] * 9
    assert broker.llen("media") == RESEND_BATCH_SIZE


@pytest.mark.covers("F08")
def test_every_row_is_sent_once_while_workers_take_them(
    user: User, broker: Any, settings: Settings
) -> None:
    settings.RESEND_AFTER_SECONDS = 60  # longer than this test, shorter than the rows wait
    waiting_resources(user, WAITING_ROWS)
    enqueued = 0

    for _ in range(WAITING_ROWS // RESEND_BATCH_SIZE + 1):
        enqueued += recovery.resend_resources()
        broker.delete("media")  # they were taken

    assert enqueued == WAITING_ROWS
    assert recovery.resend_resources() == 0
    assert not MediaResource.objects.filter(sent_at=None).exists()


def test_rows_sent_after_the_oldest_message_are_not_sent_again(
    user: User, broker: Any, settings: Settings
) -> None:
    settings.RESEND_AFTER_SECONDS = 0
    waiting_resources(user, 10)
    assert recovery.resend_resources() == 10

    for _ in range(9):
        broker.rpop("media")
        assert recovery.resend_resources() == 0
    broker.rpop("media")
    assert recovery.resend_resources() == 10


def test_healing_repeatedly_sends_no_row_twice(
    user: User,
    superuser: User,
    broker: Any,
    settings: Settings,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    settings.RESEND_AFTER_SECONDS = 0
    waiting_resources(user, 30)
    failed_resources = MediaResource.objects.filter(pk__in=MediaResource.objects.values("pk")[:10])
    failed_resources.update(status=ResourceStatus.FAILED, failure_code="attempts_exhausted")

    with django_capture_on_commit_callbacks(execute=True) as first:
        assert resources.heal(user=superuser) == 30
    with django_capture_on_commit_callbacks(execute=True) as second_messages:
        publishing._sender(os.getpid()).submit(str).result()  # the thread has sent them
        counts = [resources.heal(user=superuser) for _ in range(3)]
        recovery.resend_resources()

    assert (len(first), second_messages) == (10, [])  # those that had failed
    assert counts == [30] * 3
    assert broker.llen("media") == 20 + 10


def test_a_thousand_deletions_take_one_call_and_as_many_statements_as_ten(
    memory: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements, calls = [], []
    delete_many = memory.delete_many

    def count_call(keys: list[str]) -> DeleteFailures:
        calls.append(len(keys))
        return delete_many(keys)

    deletions.perform_due()  # the owner of the bucket is checked once
    monkeypatch.setattr(memory, "delete_many", count_call)
    for count in (10, 1000):
        queue_deletions(memory, count)
        with CaptureQueriesContext(connection) as queries:
            assert deletions.perform_due() == count
        statements.append(len(queries))

    assert calls == [10, 1000]
    assert statements[0] == statements[1]
    assert memory.keys() == []
    assert not ObjectDeletion.objects.exists()


def test_more_than_a_batch_is_left_to_the_next_task(memory: MemoryStore) -> None:
    queue_deletions(memory, 1005)

    assert [deletions.perform_due() for _ in range(3)] == [1000, 5, 0]


def test_only_the_failed_deletions_of_a_batch_stay_each_with_its_error(memory: MemoryStore) -> None:
    keys = queue_deletions(memory, 20)
    memory.undeletable = {keys[3], keys[7]}

    deletions.perform_due()

    rows = ObjectDeletion.objects.order_by("key")
    fields = ("key", "attempts", "last_error", "dead", "lease_holder")
    assert list(rows.values_list(*fields)) == [
        (key, 1, "AccessDenied", False, None) for key in (keys[3], keys[7])
    ]
    assert memory.keys() == [keys[3], keys[7]]


def test_an_unavailable_store_costs_each_row_of_a_batch_one_attempt(memory: MemoryStore) -> None:
    keys = queue_deletions(memory, 20)

    def fail(operation: str, key: str) -> None:
        if operation == "delete_many":
            raise StoreUnavailableError

    memory.before = fail
    deletions.perform_due()

    assert ObjectDeletion.objects.filter(attempts=1, lease_holder=None).count() == len(keys)
    assert deletions.perform_due() == 0  # none is due before its pause


def test_a_batch_covers_both_buckets_and_keeps_needed_objects(
    memory: MemoryStore, user: User
) -> None:
    waiting_resources(user, 1)
    needed_key = MediaResource.objects.get(status=ResourceStatus.PENDING).storage_key
    private_store().put("bulk/x", b"private", headers=HEADERS)
    deletions.queue(["bulk/x"], reason=DeletionReason.EXPIRED, bucket=Bucket.PRIVATE)
    deletions.queue(["temp/y", needed_key], reason=DeletionReason.EXPIRED)

    deletions.perform_due()

    deletion = ObjectDeletion.objects.get()
    assert (deletion.key, deletion.attempts, deletion.lease_holder) == (needed_key, 0, None)
    assert list(private_store().list("bulk/")) == []


def test_rows_another_worker_holds_are_left_to_it(memory: MemoryStore) -> None:
    keys = queue_deletions(memory, 3)
    ObjectDeletion.objects.filter(key=keys[0]).update(
        lease_holder=new_id(), lease_expires_at=timezone.now() + timedelta(minutes=1)
    )

    assert deletions.perform_due() == 2
    assert memory.keys() == [keys[0]]
