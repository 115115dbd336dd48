"""Bytes replaced before, during or after relocation never become READY."""

from collections.abc import Iterator
from itertools import combinations, permutations, product

import pytest

from accounts.models import User
from media.models import (
    DeletionReason,
    MediaResource,
    ObjectDeletion,
    ResourceStatus,
    UploadState,
)
from media.storage import SignedPut
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
    new_ticket = ticket(user)
    client_put(memory, new_ticket.put, photo(1))
    (resource,) = ingest(user, [new_ticket.file_url])
    client_put(memory, new_ticket.put, photo(2))

    relocated = deliver(resource)

    assert (relocated.status, relocated.failure_code) == (ResourceStatus.FAILED, "source_changed")
    queued_deletions = set(ObjectDeletion.objects.values_list("key", "reason"))
    assert queued_deletions == {(key, DeletionReason.REJECTED) for key in resource.own_keys}
    assert memory.keys("media/") == []


@pytest.mark.covers("T03", "T38", "I01")
@pytest.mark.parametrize(
    "other_bytes",
    [photo(2), b"<script>", b"", photo(1)[:-20]],
    ids=["other photo", "script", "empty", "truncated"],
)
def test_bytes_with_the_same_etag_put_before_the_copy_are_detected(
    colliding_store: CollidingStore, user: User, other_bytes: bytes
) -> None:
    new_ticket = ticket(user)
    client_put(colliding_store, new_ticket.put, photo(1))
    (resource,) = ingest(user, [new_ticket.file_url])
    client_put(colliding_store, new_ticket.put, other_bytes)

    relocated = deliver(resource)

    assert (relocated.status, relocated.failure_code) == (ResourceStatus.FAILED, "source_changed")
    drain()
    assert colliding_store.keys("media/") == []


Moment = tuple[str, str]
BEFORE_THE_COPY = ("before", "copy")
MOMENTS: list[Moment] = [BEFORE_THE_COPY, ("after", "copy"), ("after", "head"), ("after", "open")]
BODIES = ("original", "other")


def all_puts() -> Iterator[dict[Moment, str]]:
    """Return what is put when: either bytes at any moment, or both at two moments."""
    for moment, body in product(MOMENTS, BODIES):
        yield {moment: body}
    for moments, bodies in product(combinations(MOMENTS, 2), permutations(BODIES)):
        yield dict(zip(moments, bodies, strict=True))


@pytest.mark.covers("T03", "I01", "I02")
@pytest.mark.parametrize("name", ["memory", "colliding_store"])
def test_other_bytes_are_never_ready_whenever_they_are_put(
    request: pytest.FixtureRequest, user: User, name: str
) -> None:
    store: MemoryStore = request.getfixturevalue(name)
    for number, puts in enumerate(all_puts()):
        new_ticket = ticket(user)
        bodies = {"original": photo(2 * number), "other": photo(2 * number + 1)}
        client_put(store, new_ticket.put, bodies["original"])
        (resource,) = ingest(user, [new_ticket.file_url])

        relocated = deliver_while_client_puts(store, new_ticket.put, puts, bodies, resource)

        outcome = (relocated.status, relocated.failure_code)
        if puts.get(BEFORE_THE_COPY) == "other":
            assert outcome == (ResourceStatus.FAILED, "source_changed"), puts
        else:
            assert outcome == (ResourceStatus.READY, ""), puts
            client_put(store, new_ticket.put, bodies["other"])
            assert store.body(relocated.storage_key) == bodies["original"], puts


def deliver_while_client_puts(
    store: MemoryStore,
    signed: SignedPut,
    puts: dict[Moment, str],
    bodies: dict[str, bytes],
    resource: MediaResource,
) -> MediaResource:
    remaining_puts = dict(puts)

    def put_at(moment: Moment) -> None:
        if moment in remaining_puts:
            client_put(store, signed, bodies[remaining_puts.pop(moment)])

    store.before = lambda operation, _key: put_at(("before", operation))
    store.after = lambda operation, _key: put_at(("after", operation))
    relocated = deliver(resource)
    store.before = store.after = nothing
    return relocated


@pytest.mark.covers("T03")
def test_another_upload_of_the_same_bytes_is_used(memory: MemoryStore, user: User) -> None:
    first = ticket(user)
    client_put(memory, first.put, photo(1))
    (resource,) = ingest(user, [first.file_url])
    second = upload_file(memory, user, photo(1))
    assert ingest(user, [second])[0].pk == resource.pk
    client_put(memory, first.put, photo(2))

    relocated = deliver(resource)

    assert relocated.status == ResourceStatus.READY
    assert memory.body(relocated.storage_key) == photo(1)
    assert [upload_of(url).state for url in (first.file_url, second)] == [UploadState.CONSUMED] * 2
    drain()
    assert originals(memory) == [relocated.storage_key]


@pytest.mark.covers("T03", "T38")
def test_another_upload_replaces_colliding_bytes(
    colliding_store: CollidingStore, user: User
) -> None:
    first = ticket(user)
    client_put(colliding_store, first.put, photo(1))
    (resource,) = ingest(user, [first.file_url])
    ingest(user, [upload_file(colliding_store, user, photo(1))])
    client_put(colliding_store, first.put, b"not even a picture")

    relocated = deliver(resource)

    assert relocated.status == ResourceStatus.READY
    assert colliding_store.body(relocated.storage_key) == photo(1)
