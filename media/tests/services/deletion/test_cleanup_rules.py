"""What all cleanups have in common: a lock, two passes, and one statement for each batch."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from media import tasks
from media.models import MediaResource, ObjectDeletion, ResourceStatus, Upload, UploadState
from media.services import deletions
from media.services.cleanup import orphaned_media, temp_uploads
from media.services.environment import require_own_environment
from media.tests.services.deletion import aged_rows
from media.tests.services.deletion.aged_rows import (
    OLD,
    AheadMemoryStore,
    all_rows,
    new_temp_key,
    new_user,
    put_object,
    resource,
    upload,
)
from sartiq.core.work.exclusive import AlreadyRunningError, exclusive

pytestmark = pytest.mark.django_db

LOCKS = ["media.cleanup_temp_uploads", "media.cleanup_orphaned_media"]


@pytest.fixture
def store() -> Iterator[AheadMemoryStore]:
    with aged_rows.in_memory() as stores:
        stores.ahead = OLD
        yield stores


@pytest.fixture
def user(db: None) -> User:
    return new_user()


@pytest.mark.covers("F26")
def test_a_second_run_of_the_same_cleanup_is_refused(store: AheadMemoryStore, user: User) -> None:
    put_object(store, upload(user).key)
    resource(user)
    rows = all_rows()

    with exclusive(LOCKS[0]), pytest.raises(AlreadyRunningError):
        temp_uploads.discard(store=store, execute=True)
    with exclusive(LOCKS[1]), pytest.raises(AlreadyRunningError):
        orphaned_media.discard(execute=True)

    assert all_rows() == rows


@pytest.mark.covers("F38")
def test_the_periodic_task_does_not_disturb_a_running_cleanup(
    store: AheadMemoryStore, user: User
) -> None:
    resource(user)

    with exclusive(LOCKS[0]), exclusive(LOCKS[1]):
        tasks.cleanup_temp_uploads()
        tasks.cleanup_orphaned_media()

    assert MediaResource.objects.count() == 1


def test_a_temporary_object_is_deleted_an_hour_after_its_upload_expired(
    store: AheadMemoryStore, user: User
) -> None:
    key = put_object(store, upload(user).key)

    temp_uploads.discard(store=store, execute=True)
    deletions.perform_due()

    assert store.keys() == [key]
    assert Upload.objects.get().state == UploadState.EXPIRED
    run_after = ObjectDeletion.objects.get().run_after
    assert run_after is not None
    assert timedelta(minutes=59) < run_after - timezone.now() <= timedelta(hours=1)


def test_the_second_pass_leaves_an_object_that_is_needed_again(
    store: AheadMemoryStore, user: User
) -> None:
    key, other_key = put_object(store, new_temp_key()), put_object(store, new_temp_key())
    temp_uploads.discard(store=store, execute=True)
    waiting_resource = resource(user, status=ResourceStatus.PENDING)  # from a newer dump
    upload(user, key=key, state=UploadState.CLAIMED, resource=waiting_resource)

    aged_rows.delete_queued()

    assert store.keys() == [key]
    assert ObjectDeletion.objects.get().key == key
    assert other_key != key


@pytest.mark.parametrize("execute", [True, False])
def test_the_number_of_queries_does_not_depend_on_the_number_of_rows(
    store: AheadMemoryStore, user: User, *, execute: bool
) -> None:
    counts: list[int] = []
    require_own_environment()  # cached for a minute
    for rows in (2, 40):
        for _ in range(rows):
            put_object(store, upload(user).key)
            resource(user)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            temp_report = temp_uploads.discard(store=store, execute=execute)
            orphans_report = orphaned_media.discard(execute=execute)
        assert temp_report.candidates >= rows
        assert orphans_report.candidates >= rows
        counts.append(len(queries))

    assert counts[0] == counts[1] < 40
