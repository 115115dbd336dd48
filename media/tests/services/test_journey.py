"""From the signed PUT to the canonical object, on every kind of store."""

import hashlib

import pytest
from django.db import transaction

from accounts.models import User
from media.errors import ObjectNotFoundError
from media.models import (
    DeletionReason,
    MediaResource,
    ObjectDeletion,
    ResourceStatus,
    Upload,
    UploadState,
)
from media.rules.file_types import content_types
from media.services import relocation
from media.storage import ObjectStore, public_store
from media.storage.testing.memory import MemoryStore
from media.tests.factories import (
    client_put,
    deliver,
    drain,
    ingest,
    key_of,
    photo,
    ticket,
    upload_file,
    upload_of,
)
from media.tests.rules.file_types.specimens import SRGB, VALID_FILES, encoded, sample_image

pytestmark = pytest.mark.django_db


@pytest.mark.covers("I01", "I09", "F15")
@pytest.mark.parametrize("content_type", sorted(VALID_FILES))
def test_a_file_of_each_type_becomes_ready_on_each_store(
    any_store: ObjectStore, user: User, content_type: str
) -> None:
    body = VALID_FILES[content_type]()
    url = upload_file(any_store, user, body, content_type=content_type, size=len(body))

    (resource,) = ingest(user, [url])

    kind = content_types.FILE_TYPES[content_type]
    assert resource.status == ResourceStatus.PENDING
    assert resource.storage_key == key_of(url)
    assert resource.content_hash == hashlib.sha256(body).hexdigest()
    assert resource.file_size == len(body)
    assert upload_of(url).state == UploadState.CLAIMED

    drain()
    resource.refresh_from_db()

    head = any_store.head(f"media/{resource.pk}/file.{kind.extension}")
    with any_store.open(head.key) as reader:
        stored_bytes = b"".join(reader)
    assert resource.status == ResourceStatus.READY
    assert (resource.storage_key, resource.etag, resource.content_type) == (
        head.key,
        head.etag,
        content_type,
    )
    assert (head.size, head.content_type) == (len(body), content_type)
    assert stored_bytes == body
    assert upload_of(url).state == UploadState.CONSUMED
    assert not ObjectDeletion.objects.exists()
    with pytest.raises(ObjectNotFoundError):
        any_store.head(key_of(url))


@pytest.mark.covers("T01", "T13")
@pytest.mark.parametrize(
    ("content_type", "disposition"),
    [
        ("image/png", None),
        ("video/mp4", None),
        ("audio/mpeg", None),
        ("application/zip", "attachment"),
        ("application/pdf", "attachment"),
    ],
)
def test_the_canonical_object_is_immutable_for_caches(
    memory: MemoryStore, user: User, content_type: str, disposition: str | None
) -> None:
    url = upload_file(memory, user, VALID_FILES[content_type](), content_type=content_type)
    (resource,) = ingest(user, [url])

    drain()

    resource.refresh_from_db()
    headers = memory.headers(resource.storage_key)
    assert headers.content_type == content_type
    assert headers.cache_control == "public, max-age=31536000, immutable"
    assert headers.content_disposition == disposition


def test_relocation_adds_the_metadata_from_decoding(memory: MemoryStore, user: User) -> None:
    body = encoded(sample_image(size=(64, 48)), "image/png", icc_profile=SRGB)
    (resource,) = ingest(user, [upload_file(memory, user, body)])

    drain()

    resource.refresh_from_db()
    assert (resource.width, resource.height) == (64, 48)
    assert resource.dominant_color is not None
    assert len(resource.dominant_color) == 7
    assert resource.dominant_color.startswith("#")
    assert resource.color_profile == "sRGB built-in"
    assert resource.duration is None
    assert resource.ready_at is not None
    assert (resource.lease_holder, resource.lease_expires_at) == (None, None)


def test_the_duration_of_a_video_is_set(memory: MemoryStore, user: User) -> None:
    url = upload_file(memory, user, VALID_FILES["video/mp4"](), content_type="video/mp4")
    (resource,) = ingest(user, [url])

    drain()

    resource.refresh_from_db()
    assert (resource.duration, resource.width, resource.height) == (3.0, 320, 240)


def test_values_set_by_users_are_kept(memory: MemoryStore, user: User) -> None:
    (resource,) = ingest(user, [upload_file(memory, user, photo())])
    MediaResource.objects.filter(pk=resource.pk).update(dominant_color="#123456")

    drain()

    resource.refresh_from_db()
    assert resource.status == ResourceStatus.READY
    assert resource.dominant_color == "#123456"


def test_the_temporary_object_is_deleted_only_after_the_row_is_ready(
    memory: MemoryStore, user: User
) -> None:
    url = upload_file(memory, user)
    (resource,) = ingest(user, [url])

    relocation.relocate(public_store(), resource.pk)

    queued_deletion = ObjectDeletion.objects.get()
    assert (queued_deletion.key, queued_deletion.reason) == (key_of(url), DeletionReason.RELOCATED)
    assert memory.head(key_of(url)).size == len(photo())
    assert Upload.objects.get().resource_id == resource.pk


@pytest.mark.covers("T03", "I01", "I02")
def test_a_put_before_or_after_relocation_changes_no_verified_file(
    any_store: ObjectStore, user: User
) -> None:
    before, after = ticket(user), ticket(user)
    for upload_ticket, number in ((before, 1), (after, 2)):
        assert client_put(any_store, upload_ticket.put, photo(number)) == 200
    first_resource, resources = ingest(user, [before.file_url, after.file_url])

    assert client_put(any_store, before.put, photo(3)) == 200
    deliver(first_resource)
    deliver(resources)
    head = any_store.head(f"media/{resources.pk}/file.png")
    assert client_put(any_store, after.put, photo(3)) == 200
    deliver(resources)
    drain()

    first_resource.refresh_from_db()
    assert (first_resource.status, first_resource.failure_code) == (
        ResourceStatus.FAILED,
        "source_changed",
    )
    with pytest.raises(ObjectNotFoundError):
        any_store.head(f"media/{first_resource.pk}/file.png")
    assert any_store.head(head.key) == head
    with any_store.open(head.key) as reader:
        assert b"".join(reader) == photo(2)


@pytest.mark.covers("I09", "F15")
@pytest.mark.parametrize("operation", ["head", "open", "copy", "put", "delete_many", "list"])
def test_the_watched_store_detects_calls_inside_a_transaction(
    memory: MemoryStore, operation: str
) -> None:
    with transaction.atomic(), pytest.raises(AssertionError, match="inside a transaction"):
        getattr(public_store(), operation)("temp/any")

    assert memory.keys() == []
