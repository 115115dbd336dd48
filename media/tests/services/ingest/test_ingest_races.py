"""Concurrent requests for the same files, each on its own connection."""

import random
from contextlib import suppress
from functools import partial
from threading import Barrier, BrokenBarrierError
from uuid import UUID

import pytest
from django.db import connection, transaction

from accounts.models import User
from accounts.tests.factories import MembershipFactory
from media.models import Attachment, MediaResource, Upload, UploadState
from media.services import attachments, relocation
from media.storage import public_store
from media.storage.testing.memory import MemoryStore
from media.tests.factories import drain, ingest, key_of, originals, photo, upload_file, upload_of
from media.tests.threads import at_once, deadlocks, meanwhile
from sartiq.core.models import new_id

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.covers("T07", "F40", "I10", "I03")
def test_fifty_requests_with_one_url_make_one_resource(memory: MemoryStore, user: User) -> None:
    requests = 50
    url = upload_file(memory, user)
    deleted_keys: list[str] = []

    def record_deletion(operation: str, key: str) -> None:
        if operation == "delete_many":
            deleted_keys.append(key)

    results = at_once([partial(ingest, user, [url])] * requests)
    memory.before = record_deletion
    drain()

    resource = MediaResource.objects.get()
    assert {resources[0].pk for resources in results} == {resource.pk}
    assert resource.status == "READY"
    assert Attachment.objects.filter(resource=resource).count() == requests
    assert upload_of(url).state == UploadState.CONSUMED
    assert deleted_keys == [key_of(url)]
    assert originals(memory) == [resource.storage_key]


@pytest.mark.covers("T07", "F05", "I01")
def test_requests_race_with_the_relocation_of_their_file(memory: MemoryStore, user: User) -> None:
    """Requests run before, between and after the steps of the worker."""
    files = 2
    for number in range(files):
        url = upload_file(memory, user, photo(number))
        (first,) = ingest(user, [url])

        results = at_once(
            [partial(ingest, user, [url])] * 6 + [partial(relocate_and_return, user, first)] * 3
        )

        assert {resources[0].pk for resources in results} == {first.pk}
    drain()
    assert len(originals(memory)) == MediaResource.objects.count() == files
    assert memory.keys("temp/") == []


def relocate_and_return(user: User, resource: MediaResource) -> list[MediaResource]:
    relocation.relocate(public_store(), resource.pk)
    drain()
    return [resource]


@pytest.mark.covers("T07")
def test_an_upload_claimed_by_a_concurrent_request_is_reused(
    memory: MemoryStore, user: User
) -> None:
    """The other request has finished, so the temporary object is deleted when this one reads it."""
    url = upload_file(memory, user)
    other_resources: list[MediaResource] = []

    def ingest_in_other_request() -> None:
        other_resources.extend(ingest(user, [url]))
        drain()

    meanwhile(memory, "head", ingest_in_other_request)
    (resource,) = ingest(user, [url])

    assert originals(memory) == [f"media/{resource.pk}/file.png"]
    assert [other_resource.pk for other_resource in other_resources] == [resource.pk]
    assert Attachment.objects.filter(resource=resource).count() == 2


def test_new_resources_are_inserted_in_the_order_of_their_hashes(
    memory: MemoryStore, user: User
) -> None:
    """Inserts of the same files in another order would wait for each other."""
    ingest(user, [upload_file(memory, user, photo(number)) for number in range(8)])

    with connection.cursor() as cursor:
        cursor.execute("SELECT content_hash FROM media_mediaresource ORDER BY ctid")
        hashes = [content_hash for (content_hash,) in cursor.fetchall()]
    assert len(hashes) == 8
    assert hashes == sorted(hashes)


@pytest.mark.covers("F12", "I03")
def test_32_requests_for_the_same_files_in_any_order_never_deadlock(
    memory: MemoryStore, user: User
) -> None:
    requests, files = 32, 8
    before = deadlocks()
    random_source = random.Random(12)  # any order, but the same each time
    bodies = [photo(number) for number in range(files)]
    calls = []
    for _ in range(requests):
        urls = [upload_file(memory, user, body) for body in bodies]
        random_source.shuffle(urls)
        calls.append(partial(ingest, user, urls))

    results = at_once(calls)

    assert len({row.pk for rows in results for row in rows}) == files
    assert MediaResource.objects.count() == files
    assert Attachment.objects.count() == requests * files
    assert not Upload.objects.filter(state=UploadState.ISSUED).exists()
    assert deadlocks() == before


@pytest.mark.covers("F12", "T39")
def test_scopes_that_copy_from_each_other_never_deadlock(memory: MemoryStore, user: User) -> None:
    organizations = [MembershipFactory.create(user=user).organization.pk for _ in range(3)]
    scopes = [*organizations, None]
    urls = [upload_file(memory, user, photo(number)) for number in range(4)]
    copies = len(urls) * len(scopes)
    before, random_source = deadlocks(), random.Random(3)
    calls = []
    for scope in scopes * 4:
        random_source.shuffle(urls)
        calls.append(partial(ingest, user, list(urls), organization_id=scope))

    results = at_once(calls)

    assert len({row.pk for rows in results for row in rows}) == copies
    assert MediaResource.objects.count() == copies
    assert deadlocks() == before
    for _ in range(3):
        drain(times=1)
    assert set(MediaResource.objects.values_list("status", flat=True)) == {"READY"}
    assert len(originals(memory)) == copies


@pytest.mark.covers("L06", "I05")
def test_removing_the_last_two_attachments_concurrently_starts_the_grace_period(
    memory: MemoryStore, user: User
) -> None:
    """Neither transaction sees the other's uncommitted changes, so one of them has to wait."""
    entity_ids = [new_id(), new_id()]
    for entity_id in entity_ids:
        (resource,) = ingest(user, [upload_file(memory, user)], entity_id=entity_id)
    both_removed = Barrier(2, timeout=1)

    def remove(entity_id: UUID) -> None:
        with transaction.atomic():
            attachments.detach_entities(entity_type="PRODUCT", entity_ids=[entity_id])
            with suppress(
                BrokenBarrierError
            ):  # expected: the second transaction waits for the first to commit
                both_removed.wait()

    at_once([partial(remove, entity_id) for entity_id in entity_ids])

    resource.refresh_from_db()
    assert not Attachment.objects.exists()
    assert resource.unattached_at is not None
