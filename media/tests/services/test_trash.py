"""Deleted resources: kept with their objects, restored, revived by the same bytes, purged."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db.models.functions import Now
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import UserFactory, client_of
from media.errors import ResourceInUseError
from media.models import (
    Attachment,
    DeletionReason,
    MediaResource,
    ObjectDeletion,
    ResourceStatus,
    UploadState,
)
from media.rules import keys
from media.selectors import public_url
from media.services import deletions, trash
from media.services.cleanup import orphaned_media
from media.storage.testing.memory import MemoryStore
from media.tests.factories import drain, ingest, photo, ready_resource, upload_file, upload_of
from sartiq.core.errors import InvalidValuesError
from sartiq.core.models import new_id

pytestmark = pytest.mark.django_db
MEDIA = "/api/v1/media-resources/"
MONTH = timedelta(days=30)


def all_resources() -> Any:
    return MediaResource.with_deleted


def unattached_resource(store: MemoryStore, user: User, number: int = 1) -> MediaResource:
    """Return a READY resource that nothing has been attached to for a year."""
    resource = ready_resource(store, user, photo(number))
    Attachment.objects.filter(resource=resource).delete()
    year_ago = timezone.now() - timedelta(days=365)
    all_resources().filter(pk=resource.pk).update(unattached_at=year_ago)
    return resource


def deleted_resource_of(store: MemoryStore, user: User, number: int = 1) -> MediaResource:
    resource = unattached_resource(store, user, number)
    trash.delete_as_staff(resource_id=resource.pk)
    return resource


def age(resource: MediaResource, days: int) -> None:
    all_resources().filter(pk=resource.pk).update(deleted_at=Now() - timedelta(days=days))


def purge(*resources: MediaResource) -> int:
    before = timezone.now() - MONTH
    return trash.purge([resource.pk for resource in resources], before=before)


def test_a_deleted_resource_keeps_its_objects(memory: MemoryStore, user: User) -> None:
    resource, stored_keys = unattached_resource(memory, user), memory.keys()

    trash.delete_as_staff(resource_id=resource.pk)
    orphaned_media.discard(execute=True)
    deletions.queue(resource.own_keys, reason=DeletionReason.ORPHANED)  # as a late retry does
    deletions.perform_due()

    assert not MediaResource.objects.exists()
    assert all_resources().get().deleted_at is not None
    assert memory.keys() == stored_keys


def test_a_deleted_resource_is_only_in_the_trash_of_its_owner(
    memory: MemoryStore, user: User
) -> None:
    live_resource = unattached_resource(memory, user, 1)
    deleted_resource = deleted_resource_of(memory, user, 2)
    client, other_client = client_of(user), client_of(UserFactory.create())

    trash_page = client.get(f"{MEDIA}?deleted=true").json()

    assert [row["id"] for row in trash_page["data"]] == [str(deleted_resource.pk)]
    assert trash_page["data"][0]["deleted_at"] is not None
    assert [row["id"] for row in client.get(MEDIA).json()["data"]] == [str(live_resource.pk)]
    assert client.get(f"{MEDIA}{deleted_resource.pk}").status_code == 404
    assert client.get(f"{MEDIA}{deleted_resource.pk}?deleted=true").json() == trash_page["data"][0]
    assert client.get(f"{MEDIA}{live_resource.pk}?deleted=true").status_code == 404
    assert client.patch(f"{MEDIA}{deleted_resource.pk}", {"caption": "New"}).status_code == 404
    assert other_client.get(f"{MEDIA}?deleted=true").json()["count"] == 0
    assert other_client.post(f"{MEDIA}{deleted_resource.pk}/restore").status_code == 404


def test_a_restored_resource_gets_a_new_grace_period(memory: MemoryStore, user: User) -> None:
    deleted_resource, client = deleted_resource_of(memory, user), client_of(user)

    responses = [client.post(f"{MEDIA}{deleted_resource.pk}/restore") for _ in range(2)]
    orphaned_media.discard(execute=True)

    assert [response.status_code for response in responses] == [200, 200]
    assert (
        responses[0].json()
        == responses[1].json()
        == client.get(f"{MEDIA}{deleted_resource.pk}").json()
    )
    assert responses[0].json()["deleted_at"] is None


def test_a_deleted_resource_is_a_missing_file(memory: MemoryStore, user: User) -> None:
    url = upload_file(memory, user)
    (resource,) = ingest(user, [url])
    drain()
    Attachment.objects.all().delete()
    trash.delete_as_staff(resource_id=resource.pk)

    for named_url in (url, public_url(keys.canonical_key(resource.pk, "png"))):
        with pytest.raises(InvalidValuesError) as excinfo:
            ingest(user, [named_url])
        assert [issue.code for issue in excinfo.value.issues] == ["file_not_found"]

    assert all_resources().get().deleted_at is not None


def test_the_same_bytes_revive_a_deleted_resource(memory: MemoryStore, user: User) -> None:
    deleted_resource = deleted_resource_of(memory, user)
    bystander = deleted_resource_of(memory, UserFactory.create())
    stored_keys = memory.keys()

    (revived_resource,) = ingest(user, [upload_file(memory, user, photo(1))])
    drain()

    assert (revived_resource.pk, revived_resource.deleted_at) == (deleted_resource.pk, None)
    assert MediaResource.objects.get().unattached_at is None
    assert all_resources().get(pk=bystander.pk).deleted_at is not None
    assert memory.keys() == stored_keys


def test_bytes_whose_stored_object_is_lost_revive_and_repair(
    memory: MemoryStore, user: User
) -> None:
    deleted_resource = deleted_resource_of(memory, user)
    memory.delete_many([deleted_resource.storage_key])

    (revived_resource,) = ingest(user, [upload_file(memory, user, photo(1))])
    drain()

    assert revived_resource.pk == deleted_resource.pk
    assert memory.body(deleted_resource.storage_key) == photo(1)


@pytest.mark.parametrize("is_deleted", [False, True])
def test_an_attached_resource_is_not_deleted(
    memory: MemoryStore, user: User, *, is_deleted: bool
) -> None:
    resource = ready_resource(memory, user, photo(1))
    Attachment.objects.all().delete()
    Attachment.objects.create(
        resource=resource,
        entity_type="PRODUCT",
        entity_id=new_id(),
        slot="cover_image",
        entity_deleted_at=Now() if is_deleted else None,
    )

    with pytest.raises(ResourceInUseError, match="deleted entity" if is_deleted else "1 entity"):
        trash.delete_as_staff(resource_id=resource.pk)

    assert MediaResource.objects.get() == resource


# --- Purge --------------------------------------------------------------------------------------
def test_a_resource_is_purged_with_its_objects(memory: MemoryStore, user: User) -> None:
    old_resource = deleted_resource_of(memory, user, 1)
    recent_resource = deleted_resource_of(memory, user, 2)
    live_resource = unattached_resource(memory, user, 3)
    age(old_resource, 31)
    age(recent_resource, 29)

    assert purge(old_resource, recent_resource, live_resource) == 1

    assert set(all_resources().all()) == {recent_resource, live_resource}
    assert set(ObjectDeletion.objects.values_list("key", flat=True)) >= old_resource.own_keys
    deletions.perform_due()
    assert not memory.keys().count(old_resource.storage_key)
    assert {recent_resource.storage_key, live_resource.storage_key} <= set(memory.keys())
    assert client_of(user).post(f"{MEDIA}{old_resource.pk}/restore").status_code == 404


def test_needed_resources_are_not_purged(memory: MemoryStore, user: User) -> None:
    protected, attached_resource, source = (
        deleted_resource_of(memory, user, number) for number in (1, 2, 3)
    )
    all_resources().filter(pk=protected.pk).update(protected=True)
    Attachment.objects.create(
        resource=attached_resource, entity_type="PRODUCT", entity_id=uuid4(), slot="cover_image"
    )
    copied_resource = unattached_resource(memory, UserFactory.create(), 4)
    all_resources().filter(pk=copied_resource.pk).update(
        status=ResourceStatus.PENDING, copied_from=source
    )
    for resource in (protected, attached_resource, source):
        age(resource, 31)

    assert purge(protected, attached_resource, source) == 0

    assert all_resources().count() == 4
    assert not ObjectDeletion.objects.filter(key=source.storage_key).exists()


def test_the_claimed_upload_of_a_purged_resource_expires(memory: MemoryStore, user: User) -> None:
    url = upload_file(memory, user)
    (failed_resource,) = ingest(user, [url])
    Attachment.objects.all().delete()
    all_resources().filter(pk=failed_resource.pk).update(
        status=ResourceStatus.FAILED, failure_code="decode_limit", deleted_at=Now() - MONTH * 2
    )

    assert purge(failed_resource) == 1

    upload = upload_of(url)
    assert (upload.state, upload.resource) == (UploadState.EXPIRED, None)


def test_a_restored_resource_is_not_purged(
    memory: MemoryStore, user: User, client: APIClient
) -> None:
    deleted_resource = deleted_resource_of(memory, user)
    age(deleted_resource, 31)
    trash.restore(user=user, resource_id=deleted_resource.pk)

    assert purge(deleted_resource) == 0
    assert MediaResource.objects.get() == deleted_resource
