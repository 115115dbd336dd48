"""Lost files are restored: by uploading the same bytes, by `heal`, and from other copies."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection
from django.db.models.functions import Now

from accounts.models import User
from accounts.tests.factories import UserFactory
from media.actions import MediaAction
from media.models import Attachment, MediaResource, ObjectDeletion, ResourceStatus
from media.rules.failures import ObjectLoss
from media.services import resources, trash
from media.services.reconcile import lost_objects
from media.services.reconcile.service import reconcile
from media.storage import ObjectHeaders
from media.storage.testing.memory import MemoryStore
from media.tests.factories import (
    PNG,
    deliver,
    drain,
    ingest,
    photo,
    ready_resource,
    upload_file,
    upload_of,
)
from sartiq.core.errors import ContentionError
from sartiq.core.models import Event
from sartiq.core.tests.row_locks import locked_before_update

HEADERS = ObjectHeaders(content_type=PNG)


def lose(store: MemoryStore, resource: MediaResource, *, body: bytes | None = None) -> None:
    """Delete or replace the object, and mark the row as a pass does."""
    if body is None:
        store.delete_many([resource.storage_key])
    else:
        store.put(resource.storage_key, body, headers=HEADERS)
    code = ObjectLoss.MISSING if body is None else ObjectLoss.CHANGED
    assert lost_objects.mark(lost_objects.confirmed(store, [(resource, code)])) == 1
    resource.refresh_from_db()
    assert (resource.status, resource.failure_code) == (ResourceStatus.FAILED, code)


def is_whole(store: MemoryStore, resource: MediaResource, body: bytes) -> bool:
    """Return whether a resource is READY, with its bytes in place."""
    resource.refresh_from_db()
    is_stored = store.body(resource.storage_key) == body
    return resource.status == ResourceStatus.READY and is_stored and resource.failure_code == ""


@pytest.mark.parametrize("body", [None, b"damaged"])
def test_the_same_bytes_from_the_same_owner_heal(
    memory: MemoryStore, user: User, body: bytes | None
) -> None:
    lost_resource = ready_resource(memory, user, photo(1))
    other_owners_resource = ready_resource(memory, UserFactory.create(), photo(1))
    lose(memory, lost_resource, body=body)
    url = upload_file(memory, user, photo(1))

    (second_resource,) = ingest(user, [url])
    drain()

    assert second_resource.pk == lost_resource.pk
    assert is_whole(memory, lost_resource, photo(1))
    assert is_whole(memory, other_owners_resource, photo(1))
    assert Attachment.objects.filter(resource=lost_resource).count() == 2
    assert MediaResource.objects.count() == 2
    assert upload_of(url).resource == lost_resource


def test_the_same_bytes_of_another_owner_heal_nothing(memory: MemoryStore, user: User) -> None:
    lost_resource = ready_resource(memory, user, photo(1))
    lose(memory, lost_resource)

    other_user = UserFactory.create()
    ingest(other_user, [upload_file(memory, other_user, photo(1))])
    drain()

    lost_resource.refresh_from_db()
    assert lost_resource.failure_code == "object_missing"


def test_other_failures_are_not_healed_by_an_upload(memory: MemoryStore, user: User) -> None:
    failed_resource = ready_resource(memory, user, photo(1))
    MediaResource.objects.filter(pk=failed_resource.pk).update(
        status=ResourceStatus.FAILED, failure_code="decode_limit", ready_at=None
    )

    (second_resource,) = ingest(user, [upload_file(memory, user, photo(1))])

    assert second_resource.pk != failed_resource.pk


def test_of_two_lost_rows_with_the_same_bytes_one_is_healed(
    memory: MemoryStore, user: User
) -> None:
    lost_resource = ready_resource(memory, user, photo(1))
    lose(memory, lost_resource)
    second = MediaResource.objects.get(pk=lost_resource.pk)
    second.pk = None
    second._state.adding = True
    second = MediaResource(
        **{
            field.attname: getattr(lost_resource, field.attname)
            for field in MediaResource._meta.concrete_fields
            if field.attname != "id"
        }
    )
    second.save()

    (second_resource,) = ingest(user, [upload_file(memory, user, photo(1))])
    drain()

    assert second_resource.pk == lost_resource.pk
    second.refresh_from_db()
    assert second.status == ResourceStatus.FAILED
    assert resources.retry(second) is False


@pytest.mark.django_db(transaction=True)
def test_two_uploads_of_the_lost_bytes_at_once_heal_one_row(
    memory: MemoryStore, user: User
) -> None:
    lost_resource = ready_resource(memory, user, photo(1))
    lose(memory, lost_resource)
    urls = [upload_file(memory, user, photo(1)) for _ in range(2)]
    line = threading.Barrier(2)
    taken_ids: list[object] = []

    def take(url: str) -> Callable[[], None]:
        def run() -> None:
            line.wait()
            try:
                taken_ids.append(ingest(user, [url])[0].pk)
            finally:
                connection.close()

        return run

    threads = [threading.Thread(target=take(url)) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    drain()

    assert taken_ids == [lost_resource.pk, lost_resource.pk]
    assert is_whole(memory, lost_resource, photo(1))
    assert Event.objects.filter(action=MediaAction.RESOURCE_REPAIRED).count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_lost_row_is_locked_before_it_is_healed(memory: MemoryStore, user: User) -> None:
    lost_resource = ready_resource(memory, user, photo(1))
    lose(memory, lost_resource)
    url = upload_file(memory, user, photo(1))

    with locked_before_update(lost_resource):
        ingest(user, [url])


def test_a_row_inserted_concurrently_makes_the_request_start_again(
    memory: MemoryStore, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost_resource = ready_resource(memory, user, photo(1))
    lose(memory, lost_resource)
    first, second = (upload_file(memory, user, photo(1)) for _ in range(2))
    (healed_resource,) = ingest(user, [first])
    MediaResource.objects.filter(pk=healed_resource.pk).update(
        status=ResourceStatus.FAILED, failure_code="object_missing"
    )
    relocate_from = MediaResource.relocate_from
    attempts: list[object] = []

    def conflict_once(row: MediaResource, **values: str) -> None:
        attempts.append(row.pk)
        if len(attempts) == 1:
            raise ContentionError
        relocate_from(row, **values)

    monkeypatch.setattr(MediaResource, "relocate_from", conflict_once)

    (second_resource,) = ingest(user, [second])

    assert (second_resource.pk, len(attempts)) == (lost_resource.pk, 2)


def test_heal_verifies_an_object_that_is_back(
    memory: MemoryStore, user: User, superuser: User
) -> None:
    lost_resource = ready_resource(memory, user, photo(1))
    lose(memory, lost_resource)
    memory.put(lost_resource.storage_key, photo(1), headers=HEADERS)
    copies: list[str] = []
    memory.after = lambda operation, key: copies.append(key) if operation == "copy" else None

    assert resources.heal(user=superuser) == 1
    drain()

    assert is_whole(memory, lost_resource, photo(1))
    assert copies == []


def test_heal_accepts_another_etag_of_the_same_bytes(memory: MemoryStore, user: User) -> None:
    lost_resource = ready_resource(memory, user, photo(1))
    etag = lost_resource.etag
    MediaResource.objects.filter(pk=lost_resource.pk).update(etag="of-a-multipart-copy")
    lost_resource.refresh_from_db()
    assert (
        lost_objects.mark(lost_objects.confirmed(memory, [(lost_resource, ObjectLoss.CHANGED)]))
        == 1
    )

    resources.retry(MediaResource.objects.get(pk=lost_resource.pk))
    drain()

    assert is_whole(memory, lost_resource, photo(1))
    assert lost_resource.etag == etag


@pytest.mark.parametrize(
    ("body", "code"), [(None, "object_missing"), (b"damaged", "object_changed")]
)
def test_what_cannot_be_healed_keeps_its_reason(
    memory: MemoryStore, user: User, body: bytes | None, code: str
) -> None:
    lost_resource = ready_resource(memory, user, photo(1))
    lose(memory, lost_resource, body=body)

    assert resources.retry(lost_resource)
    deliver(lost_resource)

    lost_resource.refresh_from_db()
    assert (lost_resource.status, lost_resource.failure_code) == (ResourceStatus.FAILED, code)
    assert not ObjectDeletion.objects.exists()
    if body is not None:
        assert memory.body(lost_resource.storage_key) == body


def test_a_temporary_object_that_is_left_heals(memory: MemoryStore, user: User) -> None:
    (resource,) = ingest(user, [url := upload_file(memory, user, photo(1))])
    deliver(resource)  # its temporary object is queued for deletion, but still there
    lost_resource = MediaResource.objects.get(pk=resource.pk)
    lose(memory, lost_resource)

    assert resources.retry(lost_resource)
    deliver(lost_resource)

    assert is_whole(memory, lost_resource, photo(1))
    assert upload_of(url).resource == lost_resource


def test_a_resource_in_the_trash_with_the_same_bytes_takes_the_attachments(
    memory: MemoryStore, user: User
) -> None:
    lost_resource = ready_resource(memory, user, photo(1))
    lose(memory, lost_resource)
    MediaResource.objects.filter(pk=lost_resource.pk).update(content_hash="0" * 64)
    ready_twin = ready_resource(memory, user, photo(1))
    MediaResource.objects.filter(pk=lost_resource.pk).update(content_hash=ready_twin.content_hash)
    lost_resource.refresh_from_db()
    Attachment.objects.filter(resource=ready_twin).delete()
    MediaResource.objects.filter(pk=ready_twin.pk).update(unattached_at=Now(), deleted_at=Now())

    assert resources.retry(lost_resource) is False

    assert Attachment.objects.get().resource == ready_twin
    ready_twin.refresh_from_db()
    assert (ready_twin.unattached_at, ready_twin.deleted_at) == (None, None)
    lost_resource.refresh_from_db()
    assert (lost_resource.status, lost_resource.failure_code) == (
        ResourceStatus.FAILED,
        "object_missing",
    )
    assert lost_resource.unattached_at is not None


def test_a_pass_queues_rows_whose_object_is_back(memory: MemoryStore, user: User) -> None:
    lost_ones = [ready_resource(memory, user, photo(number)) for number in (1, 2, 3)]
    for resource in lost_ones:
        lose(memory, resource)
    lost_resource, gone_resource, deleted_resource = lost_ones
    for resource, number in ((lost_resource, 1), (deleted_resource, 3)):
        memory.put(resource.storage_key, photo(number), headers=HEADERS)
    deleted_resource.attachments.all().delete()
    trash.delete_as_staff(resource_id=deleted_resource.pk)

    reports = [reconcile(store=memory, execute=execute) for execute in (False, True)]
    drain()

    assert [report.returned for report in reports] == [1, 1]
    assert is_whole(memory, lost_resource, photo(1))
    assert MediaResource.objects.get(pk=gone_resource.pk).failure_code == "object_missing"
    trash.restore(user=user, resource_id=deleted_resource.pk)
    assert reconcile(store=memory, execute=True).returned == 1
