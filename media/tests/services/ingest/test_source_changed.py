"""Bytes replaced before, during or after relocation never become READY."""

import random

import pytest

from accounts.models import User
from media.models import (
    DeletionReason,
    ObjectDeletion,
    ResourceStatus,
    UploadState,
)
from media.storage.testing.memory import MemoryStore, nothing
from media.tests.factories import (
    client_put,
    deliver,
    drain,
    ingest,
    originals,
    photo,
    ticket,
    upload_file,
    upload_of,
)
from media.tests.stores import CollidingStore

pytestmark = pytest.mark.django_db


@pytest.mark.covers("T03", "I01")
def test_bytes_changed_before_the_copy_are_never_ready(memory: MemoryStore, user: User) -> None:
    issued = ticket(user)
    client_put(memory, issued.put, photo(1))
    (resource,) = ingest(user, [issued.file_url])
    client_put(memory, issued.put, photo(2))

    delivered = deliver(resource)

    assert (delivered.status, delivered.failure_code) == (ResourceStatus.FAILED, "source_changed")
    queued = set(ObjectDeletion.objects.values_list("key", "reason"))
    assert queued == {(key, DeletionReason.REJECTED) for key in resource.own_keys}
    assert memory.keys("media/") == []


@pytest.mark.covers("T03", "T38", "I01")
@pytest.mark.parametrize(
    "other",
    [photo(2), b"<script>", b"", photo(1)[:-20]],
    ids=["other photo", "script", "empty", "truncated"],
)
def test_bytes_with_the_same_etag_put_before_the_copy_are_detected(
    colliding_store: CollidingStore, user: User, other: bytes
) -> None:
    issued = ticket(user)
    client_put(colliding_store, issued.put, photo(1))
    (resource,) = ingest(user, [issued.file_url])
    client_put(colliding_store, issued.put, other)

    delivered = deliver(resource)

    assert (delivered.status, delivered.failure_code) == (ResourceStatus.FAILED, "source_changed")
    drain()
    assert colliding_store.keys("media/") == []


@pytest.mark.covers("T03", "I01", "I02")
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", ["memory", "colliding_store"])
def test_other_bytes_are_never_ready_whenever_they_are_put(
    request: pytest.FixtureRequest, user: User, name: str, seed: int
) -> None:
    """Put other bytes, or the same ones again, before or after any operation of the store."""
    store: MemoryStore = request.getfixturevalue(name)
    rng = random.Random(f"{name}{seed}")
    for number in range(20):
        issued = ticket(user)
        original, other = photo(2 * number), photo(2 * number + 1)
        client_put(store, issued.put, original)
        (resource,) = ingest(user, [issued.file_url])
        bodies = [rng.choice([original, other]) for _ in range(rng.randint(1, 3))]

        def replace_bytes_at_random(operation: str, key: str) -> None:
            if operation in {"copy", "head", "open"} and bodies and rng.random() < 0.4:  # noqa: B023  called in this turn only
                body = bodies.pop()  # noqa: B023
                client_put(store, issued.put, body)  # noqa: B023

        store.before = store.after = replace_bytes_at_random
        delivered = deliver(resource)
        store.before = store.after = nothing

        if delivered.status == ResourceStatus.READY:
            assert store.body(delivered.storage_key) == original
            for body in bodies:
                client_put(store, issued.put, body)
            assert store.body(delivered.storage_key) == original
        else:
            assert (delivered.status, delivered.failure_code) == (
                ResourceStatus.FAILED,
                "source_changed",
            )


@pytest.mark.covers("T03")
def test_another_upload_of_the_same_bytes_is_used(memory: MemoryStore, user: User) -> None:
    first = ticket(user)
    client_put(memory, first.put, photo(1))
    (resource,) = ingest(user, [first.file_url])
    second = upload_file(memory, user, photo(1))
    assert ingest(user, [second])[0].pk == resource.pk
    client_put(memory, first.put, photo(2))

    delivered = deliver(resource)

    assert delivered.status == ResourceStatus.READY
    assert memory.body(delivered.storage_key) == photo(1)
    assert [upload_of(url).state for url in (first.file_url, second)] == [UploadState.CONSUMED] * 2
    drain()
    assert originals(memory) == [delivered.storage_key]


@pytest.mark.covers("T03", "T38")
def test_another_upload_replaces_colliding_bytes(
    colliding_store: CollidingStore, user: User
) -> None:
    first = ticket(user)
    client_put(colliding_store, first.put, photo(1))
    (resource,) = ingest(user, [first.file_url])
    ingest(user, [upload_file(colliding_store, user, photo(1))])
    client_put(colliding_store, first.put, b"not even a picture")

    delivered = deliver(resource)

    assert delivered.status == ResourceStatus.READY
    assert colliding_store.body(delivered.storage_key) == photo(1)
