"""Bytes that are put again before, during or after the move: never a READY row of others."""

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
from media.tests.doors import CollidingStore
from media.tests.factories import (
    client_put,
    deliver,
    drain,
    ingest,
    originals,
    photo,
    sent,
    ticket,
    upload_of,
)

pytestmark = pytest.mark.django_db


@pytest.mark.covers("T03", "I01")
def test_bytes_changed_before_the_copy_are_never_kept(memory: MemoryStore, user: User) -> None:
    issued = ticket(user)
    client_put(memory, issued.put, photo(1))
    (made,) = ingest(user, [issued.file_url])
    client_put(memory, issued.put, photo(2))

    found = deliver(made)

    assert (found.status, found.failure_code) == (ResourceStatus.FAILED, "source_changed")
    queued = set(ObjectDeletion.objects.values_list("key", "reason"))
    assert queued == {(key, DeletionReason.REJECTED) for key in made.own_keys}
    assert memory.keys("media/") == []


@pytest.mark.covers("T03", "T38", "I01")
@pytest.mark.parametrize(
    "other",
    [photo(2), b"<script>", b"", photo(1)[:-20]],
    ids=["picture", "script", "empty", "cut"],
)
def test_colliding_bytes_put_before_the_copy_are_found_out(
    colliding: CollidingStore, user: User, other: bytes
) -> None:
    issued = ticket(user)
    client_put(colliding, issued.put, photo(1))
    (made,) = ingest(user, [issued.file_url])
    client_put(colliding, issued.put, other)

    found = deliver(made)

    assert (found.status, found.failure_code) == (ResourceStatus.FAILED, "source_changed")
    drain()
    assert colliding.keys("media/") == []


@pytest.mark.covers("T03", "I01", "I02")
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", ["memory", "colliding"])
def test_no_interleaving_of_puts_makes_a_ready_row_of_other_bytes(
    request: pytest.FixtureRequest, user: User, name: str, seed: int
) -> None:
    """Put other bytes, or the right ones again, around any operation of the store."""
    store: MemoryStore = request.getfixturevalue(name)
    chance = random.Random(f"{name}{seed}")
    for number in range(20):
        issued = ticket(user)
        right, wrong = photo(2 * number), photo(2 * number + 1)
        client_put(store, issued.put, right)
        (made,) = ingest(user, [issued.file_url])
        bodies = [chance.choice([right, wrong]) for _ in range(chance.randint(1, 3))]

        def disturb(operation: str, key: str) -> None:
            if operation in {"copy", "head", "open"} and bodies and chance.random() < 0.4:  # noqa: B023  called in this turn only
                body = bodies.pop()  # noqa: B023
                client_put(store, issued.put, body)  # noqa: B023

        store.before = store.after = disturb
        found = deliver(made)
        store.before = store.after = nothing

        if found.status == ResourceStatus.READY:
            assert store.body(found.storage_key) == right
            for body in bodies:
                client_put(store, issued.put, body)
            assert store.body(found.storage_key) == right
        else:
            assert (found.status, found.failure_code) == (ResourceStatus.FAILED, "source_changed")


@pytest.mark.covers("T03")
def test_another_upload_of_the_same_bytes_stands_in(memory: MemoryStore, user: User) -> None:
    first = ticket(user)
    client_put(memory, first.put, photo(1))
    (made,) = ingest(user, [first.file_url])
    second = sent(memory, user, photo(1))
    assert ingest(user, [second])[0].pk == made.pk
    client_put(memory, first.put, photo(2))

    found = deliver(made)

    assert found.status == ResourceStatus.READY
    assert memory.body(found.storage_key) == photo(1)
    assert [upload_of(url).state for url in (first.file_url, second)] == [UploadState.CONSUMED] * 2
    drain()
    assert originals(memory) == [found.storage_key]


@pytest.mark.covers("T03", "T38")
def test_another_upload_stands_in_for_colliding_bytes(
    colliding: CollidingStore, user: User
) -> None:
    first = ticket(user)
    client_put(colliding, first.put, photo(1))
    (made,) = ingest(user, [first.file_url])
    ingest(user, [sent(colliding, user, photo(1))])
    client_put(colliding, first.put, b"not even a picture")

    found = deliver(made)

    assert found.status == ResourceStatus.READY
    assert colliding.body(found.storage_key) == photo(1)
