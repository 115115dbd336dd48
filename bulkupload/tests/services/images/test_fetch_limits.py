"""The limits on concurrent fetches: in total, and from one host."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from uuid import UUID

import pytest
from django.db import connection
from pytest_django import Settings

from accounts.models import User
from accounts.tests.factories import UserFactory
from bulkupload import enqueue
from bulkupload.models import (
    RemoteImage,
    RemoteStatus,
)
from bulkupload.services.images import fetch_limits, fetch_remote
from bulkupload.tests.fetching import FIRST_URL, SECOND_URL, fetch_all, import_rows
from bulkupload.tests.importing import batch_ids
from media.storage import RemoteFetcher
from media.storage.testing.memory import MemoryStore
from media.tests.factories import upload_file
from media.tests.storage.image_server import HOST, OTHER_HOST, ImageServer, Response


@contextmanager
def held_by_others(*permits: AbstractContextManager[bool]) -> Iterator[None]:
    """Have other workers hold these permits while the block runs."""
    may_leave, acquired = threading.Event(), threading.Semaphore(0)

    def hold(permit: AbstractContextManager[bool]) -> None:
        with permit as is_free:
            assert is_free
            acquired.release()
            assert may_leave.wait(timeout=20)
        connection.close()

    holders = [threading.Thread(target=hold, args=(permit,)) for permit in permits]
    for holder in holders:
        holder.start()
    try:
        for _ in holders:
            assert acquired.acquire(timeout=20)
        yield
    finally:
        may_leave.set()
        for holder in holders:
            holder.join()


@pytest.fixture
def enqueued(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """The images whose fetches were enqueued."""
    enqueued: list[UUID] = []
    monkeypatch.setattr(enqueue, "fetch_image", enqueued.append)
    return enqueued


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("at_once", [1, 2])
def test_the_number_of_concurrent_fetches_is_limited(
    public: MemoryStore,
    user: User,
    server: ImageServer,
    fetcher: RemoteFetcher,
    *,
    settings: Settings,
    enqueued: list[UUID],
    at_once: int,
) -> None:
    settings.BULK_REMOTE_AT_ONCE = at_once
    import_rows(user, FIRST_URL)

    with held_by_others(*[fetch_limits.fetch_permit() for _ in range(at_once)]):
        fetch_all(fetcher)

    row = RemoteImage.objects.get()
    assert (server.requests, row.attempts, row.lease_holder) == ([], 0, None)
    # The import of the chunk enqueued it; the workers with a permit enqueue the next ones.
    assert enqueued == [row.pk]
    with held_by_others(*[fetch_limits.fetch_permit() for _ in range(at_once - 1)]):
        fetch_all(fetcher)
    assert server.request_count("/1.png") == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_redirected", [False, True])
def test_the_number_of_concurrent_fetches_from_a_host_is_limited(
    public: MemoryStore,
    user: User,
    server: ImageServer,
    fetcher: RemoteFetcher,
    enqueued: list[UUID],
    *,
    is_redirected: bool,
) -> None:
    server.responses["/2.png"] = Response(status=302, headers={"Location": FIRST_URL})
    import_rows(user, SECOND_URL if is_redirected else FIRST_URL)

    with held_by_others(
        *[fetch_limits.host_permit(HOST) for _ in range(fetch_limits.MAX_FETCHES_PER_HOST)]
    ):
        fetch_all(fetcher)

    hosts = [headers["Host"] for _, headers in server.requests]
    assert hosts == ([OTHER_HOST] if is_redirected else [])
    row = RemoteImage.objects.get()
    assert (row.status, row.attempts, row.lease_holder) == (RemoteStatus.WAITING, 0, None)
    assert enqueued == [row.pk]
    RemoteImage.objects.update(run_after=None)
    fetch_all(fetcher)
    assert server.request_count("/1.png") == 1


def test_each_fetch_enqueues_the_next_one_of_any_owner(
    public: MemoryStore,
    user: User,
    server: ImageServer,
    fetcher: RemoteFetcher,
    *,
    settings: Settings,
    enqueued: list[UUID],
) -> None:
    settings.BULK_REMOTE_AT_ONCE = 2
    urls = [f"https://{HOST}/1.png?{number}" for number in range(20)]
    import_rows(user, *urls)
    other_user = UserFactory.create()
    import_rows(other_user, FIRST_URL)
    assert len(enqueued) == 3
    RemoteImage.objects.filter(user=other_user).update(sent_at=None)

    for pk in enqueued:  # the list grows during the loop
        fetch_remote.fetch(pk, fetcher=fetcher)

    assert server.request_count("/1.png") == 1
    assert len(server.requests) == 21
    assert not RemoteImage.objects.unfinished().exists()


def test_a_batch_is_enqueued_when_it_waits_for_no_fetch(
    public: MemoryStore,
    user: User,
    server: ImageServer,
    fetcher: RemoteFetcher,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batches: list[UUID] = []
    monkeypatch.setattr(enqueue, "attach_media", batches.append)

    uploaded = import_rows(user, upload_file(public, user))
    remote = import_rows(user, FIRST_URL, SECOND_URL)
    import_rows(UserFactory.create(), FIRST_URL)
    first, last = RemoteImage.objects.filter(user=user)
    fetch_remote.fetch(first.pk, fetcher=fetcher)
    assert batches == batch_ids(uploaded)
    fetch_remote.fetch(last.pk, fetcher=fetcher)

    assert batches == [*batch_ids(uploaded), *batch_ids(remote)]


def test_an_owner_with_many_images_has_the_same_chance_as_others(
    user: User,
    server: ImageServer,
    fetcher: RemoteFetcher,
    enqueued: list[UUID],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    urls = [f"https://{HOST}/1.png?{number}" for number in range(5)]
    other_user = UserFactory.create()
    import_rows(user, *urls)
    import_rows(other_user, FIRST_URL)
    RemoteImage.objects.update(sent_at=None)
    candidates: list[UUID] = []

    def choose_first(ids: list[UUID]) -> UUID:
        candidates.extend(ids)
        return ids[0]

    monkeypatch.setattr("random.choice", choose_first)

    fetch_remote.fetch(enqueued[0], fetcher=fetcher)

    owners = RemoteImage.objects.filter(pk__in=candidates).values_list("user_id", flat=True)
    assert sorted(owners) == sorted([user.pk, other_user.pk])
