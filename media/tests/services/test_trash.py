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
from media.tests.factories import drain, ingest, photo, ready, upload_file, upload_of
from sartiq.core.errors import InvalidValuesError
from sartiq.core.models import new_id

pytestmark = pytest.mark.django_db
MEDIA = "/api/v1/media-resources/"
MONTH = timedelta(days=30)


def every() -> Any:
    return MediaResource.with_deleted


def unattached(store: MemoryStore, user: User, number: int = 1) -> MediaResource:
    """Return a READY resource that nothing has been attached to for a year."""
    resource = ready(store, user, photo(number))
    Attachment.objects.filter(resource=resource).delete()
    year_ago = timezone.now() - timedelta(days=365)
    every().filter(pk=resource.pk).update(unattached_at=year_ago)
    return resource


def deleted(store: MemoryStore, user: User, number: int = 1) -> MediaResource:
    resource = unattached(store, user, number)
    trash.delete_as_staff(resource_id=resource.pk)
    return resource


def age(resource: MediaResource, days: int) -> None:
    every().filter(pk=resource.pk).update(deleted_at=Now() - timedelta(days=days))


def purge(*resources: MediaResource) -> int:
    before = timezone.now() - MONTH
    return trash.purge([resource.pk for resource in resources], before=before)


def test_a_deleted_resource_keeps_its_objects(memory: MemoryStore, user: User) -> None:
    resource, stored = unattached(memory, user), memory.keys()

    trash.delete_as_staff(resource_id=resource.pk)
    orphaned_media.discard(execute=True)
    deletions.queue(resource.own_keys, reason=DeletionReason.ORPHANED)  # as a late retry does
    deletions.perform_due()

    assert not MediaResource.objects.exists()
    assert every().get().deleted_at is not None
    assert memory.keys() == stored


def test_a_deleted_resource_is_only_in_the_trash_of_its_owner(
    memory: MemoryStore, user: User
) -> None:
    kept, gone = unattached(memory, user, 1), deleted(memory, user, 2)
    client, other = client_of(user), client_of(UserFactory.create())

    trashed = client.get(f"{MEDIA}?deleted=true").json()

    assert [row["id"] for row in trashed["data"]] == [str(gone.pk)]
    assert trashed["data"][0]["deleted_at"] is not None
    assert [row["id"] for row in client.get(MEDIA).json()["data"]] == [str(kept.pk)]
    assert client.get(f"{MEDIA}{gone.pk}").status_code == 404
    assert client.get(f"{MEDIA}{gone.pk}?deleted=true").json() == trashed["data"][0]
    assert client.get(f"{MEDIA}{kept.pk}?deleted=true").status_code == 404
    assert client.patch(f"{MEDIA}{gone.pk}", {"caption": "New"}).status_code == 404
    assert other.get(f"{MEDIA}?deleted=true").json()["count"] == 0
    assert other.post(f"{MEDIA}{gone.pk}/restore").status_code == 404


def test_a_restored_resource_gets_a_new_grace_period(memory: MemoryStore, user: User) -> None:
    gone, client = deleted(memory, user), client_of(user)

    responses = [client.post(f"{MEDIA}{gone.pk}/restore") for _ in range(2)]
    orphaned_media.discard(execute=True)

    assert [response.status_code for response in responses] == [200, 200]
    assert responses[0].json() == responses[1].json() == client.get(f"{MEDIA}{gone.pk}").json()
    assert responses[0].json()["deleted_at"] is None


def test_a_deleted_resource_is_a_missing_file(memory: MemoryStore, user: User) -> None:
    url = upload_file(memory, user)
    (resource,) = ingest(user, [url])
    drain()
    Attachment.objects.all().delete()
    trash.delete_as_staff(resource_id=resource.pk)

    for named in (url, public_url(keys.canonical_key(resource.pk, "png"))):
        with pytest.raises(InvalidValuesError) as excinfo:
            ingest(user, [named])
        assert [issue.code for issue in excinfo.value.issues] == ["file_not_found"]

    assert every().get().deleted_at is not None


def test_the_same_bytes_revive_a_deleted_resource(memory: MemoryStore, user: User) -> None:
    gone, bystander = deleted(memory, user), deleted(memory, UserFactory.create())
    stored = memory.keys()

    (revived,) = ingest(user, [upload_file(memory, user, photo(1))])
    drain()

    assert (revived.pk, revived.deleted_at) == (gone.pk, None)
    assert MediaResource.objects.get().unattached_at is None
    assert every().get(pk=bystander.pk).deleted_at is not None
    assert memory.keys() == stored


def test_bytes_whose_stored_object_is_lost_revive_and_repair(
    memory: MemoryStore, user: User
) -> None:
    gone = deleted(memory, user)
    memory.delete_many([gone.storage_key])

    (revived,) = ingest(user, [upload_file(memory, user, photo(1))])
    drain()

    assert revived.pk == gone.pk
    assert memory.body(gone.storage_key) == photo(1)


@pytest.mark.parametrize("is_deleted", [False, True])
def test_an_attached_resource_is_not_deleted(
    memory: MemoryStore, user: User, *, is_deleted: bool
) -> None:
    resource = ready(memory, user, photo(1))
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
def test_a_purged_resource_goes_with_its_objects(memory: MemoryStore, user: User) -> None:
    old, young = deleted(memory, user, 1), deleted(memory, user, 2)
    live = unattached(memory, user, 3)
    age(old, 31)
    age(young, 29)

    assert purge(old, young, live) == 1

    assert set(every().all()) == {young, live}
    assert set(ObjectDeletion.objects.values_list("key", flat=True)) >= old.own_keys
    deletions.perform_due()
    assert not memory.keys().count(old.storage_key)
    assert {young.storage_key, live.storage_key} <= set(memory.keys())
    assert client_of(user).post(f"{MEDIA}{old.pk}/restore").status_code == 404


def test_what_is_needed_is_not_purged(memory: MemoryStore, user: User) -> None:
    protected, attached, origin = (deleted(memory, user, number) for number in (1, 2, 3))
    every().filter(pk=protected.pk).update(protected=True)
    Attachment.objects.create(
        resource=attached, entity_type="PRODUCT", entity_id=uuid4(), slot="cover_image"
    )
    copy = unattached(memory, UserFactory.create(), 4)
    every().filter(pk=copy.pk).update(status=ResourceStatus.PENDING, copied_from=origin)
    for resource in (protected, attached, origin):
        age(resource, 31)

    assert purge(protected, attached, origin) == 0

    assert every().count() == 4
    assert not ObjectDeletion.objects.filter(key=origin.storage_key).exists()


def test_the_claimed_upload_of_a_purged_resource_expires(memory: MemoryStore, user: User) -> None:
    url = upload_file(memory, user)
    (failed,) = ingest(user, [url])
    Attachment.objects.all().delete()
    every().filter(pk=failed.pk).update(
        status=ResourceStatus.FAILED, failure_code="decode_limit", deleted_at=Now() - MONTH * 2
    )

    assert purge(failed) == 1

    upload = upload_of(url)
    assert (upload.state, upload.resource) == (UploadState.EXPIRED, None)


def test_a_restored_resource_is_not_purged(
    memory: MemoryStore, user: User, client: APIClient
) -> None:
    gone = deleted(memory, user)
    age(gone, 31)
    trash.restore(user=user, resource_id=gone.pk)

    assert purge(gone) == 0
    assert MediaResource.objects.get() == gone
