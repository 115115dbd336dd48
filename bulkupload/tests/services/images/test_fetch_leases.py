"""Fetches of remote images: their leases, their attempts and their users."""

import time
from typing import Any

import pytest
from django.db.models import QuerySet
from pytest_django import Settings

from accounts.models import Membership, OwnerScope, User
from accounts.tests.factories import MembershipFactory
from bulkupload.models import (
    BulkUploadMediaBatch,
    JobStatus,
    RemoteImage,
    RemoteStatus,
)
from bulkupload.services import jobs, lifecycle
from bulkupload.services.images import attach, fetch_remote
from bulkupload.tests.fetching import FIRST_URL, fetch_all, import_rows
from bulkupload.tests.importing import ImageCounts, attach_all, batch_ids, image_counts
from media.models import Upload
from media.storage import RemoteFetcher
from media.storage.testing.memory import MemoryStore
from media.tests.factories import upload_file
from media.tests.storage.image_server import ImageServer, Response
from sartiq.core.work import crash_points, leases


def wait_for_renewals(rows: "QuerySet[Any]") -> None:
    """Wait until the lease of the only row was renewed several times."""
    leases_seen: set[object] = set()
    deadline = time.monotonic() + 20
    while len(leases_seen) < 5:
        assert time.monotonic() < deadline
        leases_seen.update(rows.values_list("lease_expires_at", flat=True))


@pytest.fixture
def short_lease(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "MIN_RENEWAL_SECONDS", 0.01)
    settings.LEASE_SECONDS = 0.03


@pytest.mark.covers("F31")
@pytest.mark.django_db(transaction=True)
def test_the_lease_of_an_image_is_renewed_while_the_store_is_slow(
    public: MemoryStore,
    user: User,
    server: ImageServer,
    fetcher: RemoteFetcher,
    *,
    short_lease: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import_rows(user, FIRST_URL)
    put = public.put

    def slow_put(*args: Any, **kwargs: Any) -> Any:
        wait_for_renewals(RemoteImage.objects.all())
        return put(*args, **kwargs)

    monkeypatch.setattr(public, "put", slow_put)

    fetch_all(fetcher)

    assert (RemoteImage.objects.get().status, Upload.objects.count()) == (RemoteStatus.FETCHED, 1)


@pytest.mark.covers("F31")
@pytest.mark.django_db(transaction=True)
def test_the_lease_of_a_batch_is_renewed_while_files_are_read(
    public: MemoryStore, user: User, short_lease: None
) -> None:
    job = import_rows(user, upload_file(public, user))

    def wait_at_point(point: str) -> None:
        if point == "ingest-started":
            crash_points.install(None)
            wait_for_renewals(BulkUploadMediaBatch.objects.all())

    crash_points.install(wait_at_point)
    attach.attach(batch_ids(job)[0])

    assert BulkUploadMediaBatch.objects.get().lease_fence == 1
    attach_all(job)
    assert image_counts(job) == ImageCounts(ready=1)


def test_a_new_job_does_not_inherit_the_attempts_of_a_cancelled_one(
    public: MemoryStore, user: User, server: ImageServer, fetcher: RemoteFetcher
) -> None:
    server.responses = {"/1.png": Response(status=503)}
    job = import_rows(user, FIRST_URL)
    image = RemoteImage.objects.get()
    for _ in range(4):
        RemoteImage.objects.update(run_after=None)
        fetch_remote.fetch(image.pk, fetcher=fetcher)
    jobs.cancel(user=user, job_id=job.pk)
    before = RemoteImage.objects.get()
    assert (before.attempts, before.run_after is None) == (4, False)

    import_rows(user, FIRST_URL)

    row = RemoteImage.objects.get()
    assert (row.attempts, row.run_after) == (0, None)


@pytest.mark.parametrize("is_held", [False, True])
def test_attempts_for_a_running_job_still_count(
    public: MemoryStore,
    user: User,
    server: ImageServer,
    fetcher: RemoteFetcher,
    *,
    is_held: bool,
) -> None:
    server.responses = {"/1.png": Response(status=503)}
    job = import_rows(user, FIRST_URL)
    fetch_all(fetcher)
    if is_held:
        RemoteImage.objects.update(run_after=None)
        leases.take(RemoteImage.objects.unfinished().filter(pk=RemoteImage.objects.get().pk))
        lifecycle.cancel(job.pk)
    before = RemoteImage.objects.values_list("attempts", "run_after", "lease_fence").get()

    import_rows(user, FIRST_URL)

    after = RemoteImage.objects.values_list("attempts", "run_after", "lease_fence").get()
    assert after == before
    assert before[0] == (2 if is_held else 1)


@pytest.mark.covers("F32")
@pytest.mark.parametrize("is_removed", [False, True])
def test_nothing_is_fetched_for_a_user_who_may_no_longer_write(
    public: MemoryStore,
    user: User,
    server: ImageServer,
    fetcher: RemoteFetcher,
    *,
    is_removed: bool,
) -> None:
    organization = MembershipFactory.create(user=user).organization
    scope = OwnerScope(user_id=user.pk, organization_id=organization.pk)
    job = import_rows(user, FIRST_URL, scope=scope)
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
def test_an_image_is_fetched_for_a_job_whose_user_may_still_write(
    public: MemoryStore, user: User, server: ImageServer, fetcher: RemoteFetcher
) -> None:
    membership = MembershipFactory.create(user=user)
    colleague = MembershipFactory.create(organization=membership.organization)
    cancelled_job, remaining_job = [
        import_rows(
            importer,
            FIRST_URL,
            scope=OwnerScope(user_id=importer.pk, organization_id=membership.organization_id),
        )
        for importer in (user, colleague.user)
    ]
    Membership.objects.filter(user=user).delete()

    fetch_remote.fetch(RemoteImage.objects.get().pk, fetcher=fetcher)
    attach_all(remaining_job)

    cancelled_job.refresh_from_db()
    assert (cancelled_job.status, cancelled_job.failure_code) == (JobStatus.CANCELLED, "owner_gone")
    assert server.request_count("/1.png") == 1
