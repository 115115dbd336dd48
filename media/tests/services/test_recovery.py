"""Tasks are enqueued after the commit only, and again while a row waits."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from accounts.models import OwnerScope, User
from media.models import DeletionReason, MediaResource, ObjectDeletion, Upload, UploadState
from media.services import deletions, failed_deletions, recovery
from media.services.ingest.claim import ResourcesByUrl
from media.services.ingest.resolve import FileReference
from media.services.ingest.service import MediaResourceService
from media.storage import public_store
from media.storage.testing.memory import MemoryStore
from media.tests.factories import deliver, ingest, originals, photo, ready_resource, upload_file
from sartiq.core.work.publishing import _submit
from sartiq.core.work.queues import BULK, DELETIONS, EXPORTS, MAINTENANCE, MEDIA
from sartiq.core.work.resend import has_waiting_rows

pytestmark = pytest.mark.django_db


def messages_in(callbacks: Sequence[object]) -> list[tuple[object, ...]]:
    """Return the messages that are sent after commit."""
    calls = [
        callback
        for callback in callbacks
        if isinstance(callback, partial) and callback.func is _submit
    ]
    return [(send.args[1], *send.args[2].values()) for send in calls]


@pytest.mark.covers("F03", "F04", "I09")
def test_a_new_resource_is_enqueued_once_after_commit(
    memory: MemoryStore,
    user: User,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    urls = [upload_file(memory, user, photo(number)) for number in (1, 2, 1)]

    with django_capture_on_commit_callbacks() as callbacks:
        resources = ingest(user, urls)

    expected = {("media.relocate", str(row.pk)) for row in resources}
    assert set(messages_in(callbacks)) == expected
    assert len(messages_in(callbacks)) == 2


@pytest.mark.covers("F04")
def test_a_rolled_back_resource_is_not_enqueued(
    memory: MemoryStore,
    user: User,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    url = upload_file(memory, user)

    def attach(resources: ResourcesByUrl) -> None:
        raise RuntimeError

    with django_capture_on_commit_callbacks() as callbacks, pytest.raises(RuntimeError):
        MediaResourceService(public_store()).ingest_all(
            user=user,
            scope=OwnerScope(user_id=user.pk),
            files=[FileReference(loc=("body", "cover_image"), url=url)],
            attach=attach,
        )

    assert callbacks == []
    assert not MediaResource.objects.exists()


def test_a_reused_resource_is_not_enqueued_again(
    memory: MemoryStore,
    user: User,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    ready_resource(memory, user)
    url = upload_file(memory, user)

    with django_capture_on_commit_callbacks() as callbacks:
        ingest(user, [url])

    assert ObjectDeletion.objects.exists()
    assert messages_in(callbacks) == [("media.delete_objects",)]


def test_the_temporary_object_is_queued_once_ready(
    memory: MemoryStore,
    user: User,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    (resource,) = ingest(user, [upload_file(memory, user)])

    with django_capture_on_commit_callbacks() as callbacks:
        deliver(resource)

    deletion = ObjectDeletion.objects.get()
    assert deletion.reason == DeletionReason.RELOCATED
    assert messages_in(callbacks) == [("media.delete_objects",)]


def test_running_a_given_up_deletion_again_enqueues_it(
    memory: MemoryStore, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    deletions.queue(["temp/any"], reason=DeletionReason.EXPIRED)
    ObjectDeletion.objects.update(dead=True)
    dead_letter = ObjectDeletion.objects.get()

    with django_capture_on_commit_callbacks() as callbacks:
        failed_deletions.retry_rows([dead_letter.pk])

    assert messages_in(callbacks) == [("media.delete_objects",)]


@pytest.mark.covers("F05", "F08")
@pytest.mark.parametrize(
    ("changes", "is_enqueued"),
    [
        ({}, False),  # the message of its commit is on its way
        ({"created_at": timedelta(minutes=-5)}, True),
        ({"created_at": timedelta(minutes=-5), "sent_at": timedelta()}, False),
        ({"sent_at": timedelta(minutes=-5)}, True),
        ({"sent_at": timedelta(minutes=-5), "run_after": timedelta(minutes=5)}, False),
        ({"sent_at": timedelta(minutes=-5), "run_after": timedelta(minutes=-5)}, True),
        ({"sent_at": timedelta(minutes=-5), "lease_expires_at": timedelta(minutes=5)}, False),
        ({"sent_at": timedelta(minutes=-5), "lease_expires_at": timedelta(minutes=-5)}, True),
    ],
)
def test_only_waiting_rows_are_enqueued_again(
    memory: MemoryStore, user: User, changes: dict[str, timedelta], *, is_enqueued: bool
) -> None:
    (resource,) = ingest(user, [upload_file(memory, user)])
    instants = {name: timezone.now() + by for name, by in changes.items()}
    MediaResource.objects.filter(pk=resource.pk).update(**instants)

    assert recovery.resend_resources() == is_enqueued

    assert recovery.resend_resources() == 0


@pytest.mark.parametrize(
    ("changes", "waits"),
    [
        ({}, True),
        ({"sent_at": timedelta()}, True),
        ({"run_after": timedelta(minutes=-5)}, True),
        ({"run_after": timedelta(minutes=5)}, False),
        ({"lease_expires_at": timedelta(minutes=-5)}, True),
        ({"lease_expires_at": timedelta(minutes=5)}, False),
    ],
)
def test_a_due_row_without_a_live_lease_waits_in_its_queue(
    memory: MemoryStore, user: User, changes: dict[str, timedelta], *, waits: bool
) -> None:
    ingest(user, [upload_file(memory, user)])
    instants = {name: timezone.now() + by for name, by in changes.items()}
    MediaResource.objects.update(**instants)

    assert has_waiting_rows([MEDIA]) == waits
    assert not has_waiting_rows([DELETIONS, BULK, EXPORTS, MAINTENANCE])

    deletions.queue(["temp/any"], reason=DeletionReason.EXPIRED)
    ObjectDeletion.objects.update(**instants)
    assert has_waiting_rows([DELETIONS]) == waits


def test_finished_resources_are_not_enqueued_again(memory: MemoryStore, user: User) -> None:
    resource = ready_resource(memory, user)
    MediaResource.objects.filter(pk=resource.pk).update(
        created_at=timezone.now() - timedelta(hours=1)
    )

    assert recovery.resend_resources() == 0


def test_an_upload_claimed_while_its_resource_became_ready_is_consumed_later(
    memory: MemoryStore, user: User
) -> None:
    resource = ready_resource(memory, user)
    late_url = upload_file(memory, user)
    Upload.objects.exclude(resource=resource).update(state=UploadState.CLAIMED, resource=resource)

    assert recovery.consume_late_claims() == 1
    assert recovery.consume_late_claims() == 0

    assert set(Upload.objects.values_list("state", flat=True)) == {UploadState.CONSUMED}
    queue = ObjectDeletion.objects.get()
    assert late_url.endswith(queue.key)
    deletions.perform(queue.pk)
    assert originals(memory) == [resource.storage_key]
