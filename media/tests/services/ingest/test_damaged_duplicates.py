"""A READY resource whose object is missing is repaired by uploading the same bytes again."""

from typing import Any

import pytest

from accounts.models import User
from accounts.tests.factories import UserFactory
from media.errors import StoreUnavailableError
from media.models import Attachment, MediaResource, ObjectDeletion, ResourceStatus, UploadState
from media.services.ingest import duplicates
from media.storage import ObjectHeaders, ObjectStore
from media.storage.testing.memory import MemoryStore
from media.tests.factories import (
    drain,
    ingest,
    originals,
    photo,
    ready_resource,
    upload_file,
    upload_of,
)

PNG = ObjectHeaders(content_type="image/png")


def without_object(store: ObjectStore, user: User, body: bytes) -> MediaResource:
    """Return a READY resource whose object is missing."""
    resource = ready_resource(store, user, body)
    store.delete_many([resource.storage_key])
    return resource


def read(store: ObjectStore, key: str) -> bytes:
    with store.open(key) as reader:
        return b"".join(reader)


def test_the_same_bytes_repair_a_resource_whose_object_is_missing(
    any_store: ObjectStore, user: User
) -> None:
    before = without_object(any_store, user, photo(1))
    url = upload_file(any_store, user, photo(1))

    (resource,) = ingest(user, [url])

    assert (resource.pk, resource.status) == (before.pk, ResourceStatus.PENDING)
    assert upload_of(url).state == UploadState.CLAIMED
    drain()
    after = MediaResource.objects.get()
    assert (after.pk, after.status) == (before.pk, ResourceStatus.READY)
    assert (after.storage_key, after.file_size) == (before.storage_key, before.file_size)
    assert read(any_store, after.storage_key) == photo(1)
    assert after.etag == any_store.head(after.storage_key).etag
    assert Attachment.objects.filter(resource=after).count() == 2
    assert upload_of(url).state == UploadState.CONSUMED
    assert not ObjectDeletion.objects.exists()


@pytest.mark.parametrize("other_bytes", [b"other bytes", photo(2), photo(1)[:-1] + b"\0"])
def test_the_same_bytes_repair_a_resource_whose_object_was_replaced(
    any_store: ObjectStore, user: User, other_bytes: bytes
) -> None:
    before = ready_resource(any_store, user, photo(1))
    any_store.put(before.storage_key, other_bytes, headers=PNG)

    ingest(user, [upload_file(any_store, user, photo(1))])
    drain()

    after = MediaResource.objects.get()
    assert (after.pk, after.status) == (before.pk, ResourceStatus.READY)
    assert read(any_store, after.storage_key) == photo(1)
    assert after.etag == any_store.head(after.storage_key).etag


def test_two_uploads_of_the_lost_bytes_repair_it_once(memory: MemoryStore, user: User) -> None:
    before = without_object(memory, user, photo(1))
    urls = [upload_file(memory, user, photo(1)), upload_file(memory, user, photo(1))]

    resources = ingest(user, urls)

    assert {resource.pk for resource in resources} == {before.pk}
    assert [upload_of(url).state for url in urls] == [UploadState.CLAIMED] * 2
    drain()
    assert originals(memory) == [before.storage_key]
    assert memory.body(before.storage_key) == photo(1)


def test_only_the_resource_with_a_lost_object_is_repaired(memory: MemoryStore, user: User) -> None:
    good_resource = ready_resource(memory, user, photo(1))
    broken_resource = without_object(memory, user, photo(2))
    values: list[str] = []
    memory.after = lambda operation, key: values.append(key) if operation == "copy" else None

    ingest(user, [upload_file(memory, user, photo(number)) for number in (1, 2, 3)])
    drain()

    new_resource = MediaResource.objects.exclude(
        pk__in=[good_resource.pk, broken_resource.pk]
    ).get()
    assert sorted(set(values)) == sorted([broken_resource.storage_key, new_resource.storage_key])
    assert memory.keys("temp/") == []


def test_a_repaired_resource_keeps_its_texts(memory: MemoryStore, user: User) -> None:
    before = without_object(memory, user, photo(1))
    values: dict[str, Any] = {"alt_text": "A shoe", "dominant_color": "#010203", "protected": True}
    MediaResource.objects.filter(pk=before.pk).update(**values)

    ingest(user, [upload_file(memory, user, photo(1))])
    drain()

    after = MediaResource.objects.get()
    assert {name: getattr(after, name) for name in values} == values


def test_the_lost_object_of_another_owner_is_not_repaired(memory: MemoryStore, user: User) -> None:
    other_resource = without_object(memory, UserFactory.create(), photo(1))

    ingest(user, [upload_file(memory, user, photo(1))])
    drain()

    other_resource.refresh_from_db()
    assert other_resource.status == ResourceStatus.READY
    assert memory.keys(other_resource.storage_key) == []


def test_an_unavailable_store_repairs_nothing(memory: MemoryStore, user: User) -> None:
    before = ready_resource(memory, user, photo(1))
    url = upload_file(memory, user, photo(1))

    def fail(operation: str, key: str) -> None:
        if operation == "head" and key == before.storage_key:
            raise StoreUnavailableError

    memory.before = fail
    with pytest.raises(StoreUnavailableError):
        ingest(user, [url])

    after = MediaResource.objects.get()
    assert (after.status, after.ready_at) == (ResourceStatus.READY, before.ready_at)
    assert upload_of(url).state == UploadState.ISSUED
    memory.before = lambda _operation, _key: None
    (second_resource,) = ingest(user, [url])
    assert (second_resource.pk, second_resource.status) == (before.pk, ResourceStatus.READY)


def test_a_resource_repaired_concurrently_is_not_written_again(
    memory: MemoryStore, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = without_object(memory, user, photo(1))
    first, second = upload_file(memory, user, photo(1)), upload_file(memory, user, photo(1))
    find = duplicates.find_without_object

    def find_then_repair(*args: Any, **kwargs: Any) -> Any:
        damaged_resource = find(*args, **kwargs)
        monkeypatch.undo()
        ingest(user, [first])
        drain()
        return damaged_resource

    monkeypatch.setattr(duplicates, "find_without_object", find_then_repair)
    (resource,) = ingest(user, [second])

    assert (resource.pk, resource.status) == (before.pk, ResourceStatus.READY)
    assert upload_of(second).state == UploadState.CONSUMED
