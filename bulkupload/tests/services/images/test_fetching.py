"""Who may fetch a remote picture, when, and how long: places, leases, attempts and owners."""

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.db.models import QuerySet
from pytest_django import Settings

from accounts.models import Membership, OwnerScope, User
from accounts.tests.factories import MembershipFactory, UserFactory
from bulkupload import deferred
from bulkupload.models import (
    BulkUploadJob,
    BulkUploadMediaBatch,
    JobStatus,
    RemoteImage,
    RemoteStatus,
)
from bulkupload.services import jobs, lifecycle
from bulkupload.services.images import attach, fetch_limits, fetch_remote
from bulkupload.tests.fetching import ONE, TWO, fetch_all, rows_of
from bulkupload.tests.importing import attach_all, batch_ids, pictures, send
from media.models import Upload
from media.storage import RemoteFetcher
from media.storage.testing.memory import MemoryStore
from media.tests.factories import upload_file
from media.tests.storage.picture_server import NAME, OTHER, Answer, PictureServer
from sartiq.core.work import crash_points, leases


@contextmanager
def held_by_others(*wanted: AbstractContextManager[bool]) -> Iterator[None]:
    """Have other workers hold these places while the block runs."""
    leave, inside = threading.Event(), threading.Semaphore(0)

    def hold(place: AbstractContextManager[bool]) -> None:
        with place as is_free:
            assert is_free
            inside.release()
            assert leave.wait(timeout=20)
        connection.close()

    holders = [threading.Thread(target=hold, args=(place,)) for place in wanted]
    for each in holders:
        each.start()
    try:
        for _ in holders:
            assert inside.acquire(timeout=20)
        yield
    finally:
        leave.set()
        for each in holders:
            each.join()


def table(*urls: str) -> str:
    rows = [f"S{number},Shoe,{url}\n" for number, url in enumerate(urls)]
    return "sku,name,cover_image\n" + "".join(rows)


def waiting(user: User, *urls: str, **options: Any) -> BulkUploadJob:
    """Import the rows of a table whose pictures wait."""
    job = send(user, table(*urls), **options)
    rows_of(job)
    return job


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """The pictures that workers were told to fetch."""
    told: list[UUID] = []
    monkeypatch.setattr(deferred, "fetch_image", told.append)
    return told


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("at_once", [1, 2])
def test_all_workers_together_fetch_a_few_pictures_at_once(
    public: MemoryStore,
    user: User,
    server: PictureServer,
    fetcher: RemoteFetcher,
    *,
    settings: Settings,
    told: list[UUID],
    at_once: int,
) -> None:
    settings.BULK_REMOTE_AT_ONCE = at_once
    waiting(user, ONE)

    with held_by_others(*[fetch_limits.fetch_permit() for _ in range(at_once)]):
        fetch_all(fetcher)

    row = RemoteImage.objects.get()
    assert (server.requests, row.attempts, row.lease_holder) == ([], 0, None)
    assert told == [row.pk]  # by the chunk; who has the places sends what waits
    with held_by_others(*[fetch_limits.fetch_permit() for _ in range(at_once - 1)]):
        fetch_all(fetcher)
    assert server.times("/1.png") == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_led_there", [False, True])
def test_one_host_is_asked_for_a_few_pictures_at_once(
    public: MemoryStore,
    user: User,
    server: PictureServer,
    fetcher: RemoteFetcher,
    told: list[UUID],
    *,
    is_led_there: bool,
) -> None:
    server.answers["/2.png"] = Answer(status=302, headers={"Location": ONE})
    waiting(user, TWO if is_led_there else ONE)

    with held_by_others(*[fetch_limits.host_permit(NAME) for _ in range(fetch_limits.PER_HOST)]):
        fetch_all(fetcher)

    hosts = [headers["Host"] for _, headers in server.requests]
    assert hosts == ([OTHER] if is_led_there else [])
    row = RemoteImage.objects.get()
    assert (row.status, row.attempts, row.lease_holder) == (RemoteStatus.WAITING, 0, None)
    assert told == [row.pk]
    RemoteImage.objects.update(run_after=None)
    fetch_all(fetcher)
    assert server.times("/1.png") == 1


def test_whoever_has_fetched_a_picture_sends_the_next_of_any_owner(
    public: MemoryStore,
    user: User,
    server: PictureServer,
    fetcher: RemoteFetcher,
    *,
    settings: Settings,
    told: list[UUID],
) -> None:
    settings.BULK_REMOTE_AT_ONCE = 2
    many = [f"https://{NAME}/1.png?{number}" for number in range(20)]
    waiting(user, *many)
    other = UserFactory.create()
    waiting(other, ONE)
    assert len(told) == 3
    RemoteImage.objects.filter(user=other).update(sent_at=None)

    for pk in told:  # grows meanwhile
        fetch_remote.fetch(pk, fetcher=fetcher)

    assert server.times("/1.png") == 1
    assert len(server.requests) == 21
    assert not RemoteImage.objects.unfinished().exists()


def wait_for_renewals(rows: "QuerySet[Any]") -> None:
    """Take so long that the lease of the one row must be renewed again and again."""
    seen: set[object] = set()
    ends = time.monotonic() + 20
    while len(seen) < 5:
        assert time.monotonic() < ends
        seen.update(rows.values_list("lease_expires_at", flat=True))


@pytest.fixture
def short_lease(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "MIN_RENEWAL_SECONDS", 0.01)
    settings.LEASE_SECONDS = 0.03


@pytest.mark.covers("F31")
@pytest.mark.django_db(transaction=True)
def test_a_picture_is_held_while_the_store_takes_longer_than_a_lease(
    public: MemoryStore,
    user: User,
    server: PictureServer,
    fetcher: RemoteFetcher,
    *,
    short_lease: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiting(user, ONE)
    put = public.put

    def slow(*args: Any, **kwargs: Any) -> Any:
        wait_for_renewals(RemoteImage.objects.all())
        return put(*args, **kwargs)

    monkeypatch.setattr(public, "put", slow)

    fetch_all(fetcher)

    assert (RemoteImage.objects.get().status, Upload.objects.count()) == (RemoteStatus.FETCHED, 1)


@pytest.mark.covers("F31")
@pytest.mark.django_db(transaction=True)
def test_a_batch_is_held_while_its_files_take_longer_than_a_lease(
    public: MemoryStore, user: User, short_lease: None
) -> None:
    job = waiting(user, upload_file(public, user))

    def slow(reached: str) -> None:
        if reached == "ingest-started":
            crash_points.install(None)
            wait_for_renewals(BulkUploadMediaBatch.objects.all())

    crash_points.install(slow)
    attach.attach(batch_ids(job)[0])

    assert BulkUploadMediaBatch.objects.get().lease_fence == 1
    attach_all(job)
    assert pictures(job) == (0, 1, 0)


def test_a_new_job_does_not_inherit_the_attempts_of_a_cancelled_one(
    public: MemoryStore, user: User, server: PictureServer, fetcher: RemoteFetcher
) -> None:
    server.answers = {"/1.png": Answer(status=503)}
    job = waiting(user, ONE)
    for _ in range(4):
        RemoteImage.objects.update(run_after=None)
        fetch_all(fetcher)
    jobs.cancel(user=user, job_id=job.pk)
    before = RemoteImage.objects.get()
    assert (before.attempts, before.run_after is None) == (4, False)

    waiting(user, ONE)

    row = RemoteImage.objects.get()
    assert (row.attempts, row.run_after) == (0, None)


@pytest.mark.parametrize("is_held", [False, True])
def test_attempts_that_still_count_are_kept(
    public: MemoryStore,
    user: User,
    server: PictureServer,
    fetcher: RemoteFetcher,
    *,
    is_held: bool,
) -> None:
    server.answers = {"/1.png": Answer(status=503)}
    job = waiting(user, ONE)
    fetch_all(fetcher)
    if is_held:
        RemoteImage.objects.update(run_after=None)
        leases.take(RemoteImage.objects.unfinished().filter(pk=RemoteImage.objects.get().pk))
        lifecycle.cancel(job.pk)
    before = RemoteImage.objects.values_list("attempts", "run_after", "lease_fence").get()

    waiting(user, ONE)

    after = RemoteImage.objects.values_list("attempts", "run_after", "lease_fence").get()
    assert after == before
    assert before[0] == (2 if is_held else 1)


@pytest.mark.covers("F32")
@pytest.mark.parametrize("is_removed", [False, True])
def test_nothing_is_fetched_for_a_user_who_may_no_longer_write(
    public: MemoryStore,
    user: User,
    server: PictureServer,
    fetcher: RemoteFetcher,
    *,
    is_removed: bool,
) -> None:
    organization = MembershipFactory.create(user=user).organization
    scope = OwnerScope(user_id=user.pk, organization_id=organization.pk)
    job = waiting(user, ONE, scope=scope)
    if is_removed:
        Membership.objects.filter(user=user).delete()
    else:
        User.objects.filter(pk=user.pk).update(is_active=False)

    fetch_all(fetcher)

    job.refresh_from_db()
    assert (job.status, job.failure_code) == (JobStatus.CANCELLED, "owner_gone")
    row = RemoteImage.objects.get()
    assert (server.requests, row.attempts, row.lease_holder) == ([], 0, None)


@pytest.mark.covers("F32")
def test_a_picture_is_fetched_for_those_who_may_still_write(
    public: MemoryStore, user: User, server: PictureServer, fetcher: RemoteFetcher
) -> None:
    mine = MembershipFactory.create(user=user)
    theirs = MembershipFactory.create(organization=mine.organization)
    gone, staying = [
        waiting(
            person,
            ONE,
            scope=OwnerScope(user_id=person.pk, organization_id=mine.organization_id),
        )
        for person in (user, theirs.user)
    ]
    Membership.objects.filter(user=user).delete()

    fetch_remote.fetch(RemoteImage.objects.get().pk, fetcher=fetcher)
    attach_all(staying)

    gone.refresh_from_db()
    assert (gone.status, gone.failure_code) == (JobStatus.CANCELLED, "owner_gone")
    assert server.times("/1.png") == 1
