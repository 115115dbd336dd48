"""Attaching images concurrently, after a lost lease, for cancelled jobs and deleted products."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from bulkupload.models import (
    BulkUploadJob,
    BulkUploadMedia,
    BulkUploadMediaBatch,
    BulkUploadRowError,
    JobStatus,
    MediaStatus,
)
from bulkupload.services import jobs, lifecycle, recovery, retention
from bulkupload.services.images import attach
from bulkupload.services.rows import import_chunk, plan
from bulkupload.tests.images import hashes_of, image_hashes_of, upload_three_images, warnings
from bulkupload.tests.importing import (
    ImageCounts,
    attach_all,
    batch_ids,
    chunk_ids,
    image_counts,
    import_table,
    run_job,
    start_job,
)
from catalog.models import Product
from catalog.services import entities
from media.errors import IngestTimeError, StoreUnavailableError
from media.storage.testing.memory import MemoryStore
from media.tests.factories import upload_file
from media.tests.threads import at_once
from sartiq.core.work import crash_points, leases
from sartiq.core.work.retry_policy import MAX_ATTEMPTS, MAX_OUTAGE


@pytest.mark.parametrize("rows", [1, 100])
def test_the_last_row_of_the_file_wins(
    public: MemoryStore, user: User, settings: Settings, rows: int
) -> None:
    settings.BULK_CHUNK_ROWS = rows
    one, two, three = upload_three_images(public, user)

    job = import_table(
        user,
        f"sku,name,cover_image,images\nA,Shoe,{one},{one}\nA,Shoe,{two},{three}\nA,Shoe,{one},\n",
    )

    assert job.status == JobStatus.COMPLETED_WITH_ERRORS  # the SKU is repeated
    assert image_hashes_of("A") == {"cover_image": hashes_of(one)}


def test_the_later_job_wins(public: MemoryStore, user: User) -> None:
    one, two, _ = upload_three_images(public, user)
    import_table(user, f"sku,name,cover_image\nA,Shoe,{one}\n")
    first = start_job(user, f"sku,name,cover_image\nA,Shoe,{two}\n")
    plan.plan_chunks(first.pk)
    import_chunk.import_rows(chunk_ids(first)[0])

    second = import_table(user, f"sku,name,cover_image\nA,Shoe,{one}\n")
    run_job(first)

    first.refresh_from_db()
    assert {first.status, second.status} == {JobStatus.COMPLETED}
    assert image_hashes_of("A") == {"cover_image": hashes_of(one)}
    assert (image_counts(first), image_counts(second)) == (ImageCounts(), ImageCounts(ready=1))


@pytest.mark.covers("F32")
def test_a_cancelled_job_attaches_no_images(public: MemoryStore, user: User) -> None:
    job = start_job(user, f"sku,name,cover_image\nA,Shoe,{upload_file(public, user)}\n")
    plan.plan_chunks(job.pk)
    import_chunk.import_rows(chunk_ids(job)[0])

    jobs.cancel(user=user, job_id=job.pk)
    attach_all(job)
    recovery.resend()

    assert image_hashes_of("A") == {}
    assert image_counts(job) == ImageCounts(pending=1)
    assert not lifecycle.finish(job.pk)


def test_a_product_that_was_deleted_is_skipped(public: MemoryStore, user: User) -> None:
    url = upload_file(public, user)
    job = start_job(user, f"sku,name,cover_image\nA,Shoe,{url}\nB,Boot,{url}\n")
    plan.plan_chunks(job.pk)
    import_chunk.import_rows(chunk_ids(job)[0])
    Product.objects.filter(sku="A").delete()

    run_job(job)

    job.refresh_from_db()
    assert (job.status, image_counts(job)) == (JobStatus.COMPLETED, ImageCounts(ready=1))
    assert not BulkUploadRowError.objects.exists()
    assert image_hashes_of("B") == {"cover_image": hashes_of(url)}


def start_with_imported_rows(user: User, url: str) -> BulkUploadJob:
    job = start_job(user, f"sku,name,cover_image\nA,Shoe,{url}\n")
    plan.plan_chunks(job.pk)
    import_chunk.import_rows(chunk_ids(job)[0])
    return job


def test_a_slow_store_is_retried_and_then_causes_a_warning(
    public: MemoryStore, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = upload_file(public, user)
    job = start_with_imported_rows(user, url)

    def time_out(_key: str) -> None:
        raise IngestTimeError

    monkeypatch.setattr(public, "head", time_out)
    delays = []
    for _ in range(MAX_ATTEMPTS):
        BulkUploadMediaBatch.objects.update(run_after=None)
        assert image_counts(job) == ImageCounts(pending=1)
        attach.attach(batch_ids(job)[0])
        batch = BulkUploadMediaBatch.objects.get()
        delays.append(batch.run_after is not None)

    job.refresh_from_db()
    assert delays == [True] * 4 + [False]
    assert job.status == JobStatus.COMPLETED_WITH_ERRORS
    assert image_counts(job) == ImageCounts(failed=1)
    assert warnings() == [(2, "cover_image", "store_unavailable", url)]


@pytest.mark.covers("F14")
def test_a_store_outage_is_retried_for_a_day(
    public: MemoryStore, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = upload_file(public, user)
    job = start_with_imported_rows(user, url)

    def fail(_key: str) -> None:
        raise StoreUnavailableError

    monkeypatch.setattr(public, "head", fail)
    for _ in range(MAX_ATTEMPTS + 1):
        BulkUploadMediaBatch.objects.update(run_after=None)
        attach.attach(batch_ids(job)[0])
    assert image_counts(job) == ImageCounts(pending=1)
    assert BulkUploadMediaBatch.objects.get().attempts == 0

    BulkUploadMediaBatch.objects.update(run_after=None, unavailable_since=Now() - MAX_OUTAGE)
    attach.attach(batch_ids(job)[0])

    job.refresh_from_db()
    assert job.status == JobStatus.COMPLETED_WITH_ERRORS
    assert image_counts(job) == ImageCounts(failed=1)
    assert warnings() == [(2, "cover_image", "store_unavailable", url)]


@pytest.mark.covers("F06", "I15")
def test_a_batch_that_kills_every_worker_is_given_up(
    public: MemoryStore, user: User, settings: Settings
) -> None:
    settings.LEASE_SECONDS = 0
    job = start_job(user, f"sku,name,cover_image\nA,Shoe,{upload_file(public, user)}\n")
    plan.plan_chunks(job.pk)
    import_chunk.import_rows(chunk_ids(job)[0])
    [batch_id] = batch_ids(job)
    BulkUploadMediaBatch.objects.update(attempts=MAX_ATTEMPTS)

    attach.attach(batch_id)

    assert warnings()[0][2] == "attempts_exhausted"
    assert BulkUploadMedia.objects.get().status == MediaStatus.FAILED


def count_statements(user: User, table: str) -> int:
    """Return the number of statements that importing one chunk takes."""
    job = start_job(user, table)
    plan.plan_chunks(job.pk)
    [chunk_id] = chunk_ids(job)
    with CaptureQueriesContext(connection) as captured:
        import_chunk.import_rows(chunk_id)
    return len(captured)


def test_the_number_of_statements_does_not_depend_on_the_number_of_rows(
    public: MemoryStore, user: User
) -> None:
    one, two, _ = upload_three_images(public, user)
    plain_table = [
        count_statements(user, "sku,name\n" + "".join(f"{prefix}{n},Name\n" for n in range(rows)))
        for prefix, rows in (("P", 1), ("Q", 40))
    ]
    header = "sku,name,cover_image,images\n"
    tables = [
        header + "".join(f"{prefix}{n},Name,{one},{two}|{one}\n" for n in range(rows))
        for prefix, rows in (("A", 2), ("B", 15))
    ]

    first = [count_statements(user, table) for table in tables]
    for job in BulkUploadJob.objects.all():
        run_job(job)
    second_counts = [count_statements(user, table) for table in tables]

    assert plain_table[0] == plain_table[1]
    assert first[0] == first[1]
    assert second_counts[0] == second_counts[1] <= plain_table[0] + 6
    assert first[0] <= second_counts[0] + 6


def act_at(point: str, action: Callable[[], object]) -> None:
    """Run an action, once, when this crash point is reached."""

    def hook(point_reached: str) -> None:
        if point_reached == point:
            crash_points.install(None)
            at_once([action])

    crash_points.install(hook)


@pytest.mark.covers("F31", "I15")
@pytest.mark.django_db(transaction=True)
def test_a_worker_that_lost_its_lease_attaches_nothing(
    public: MemoryStore, user: User, settings: Settings
) -> None:
    url = upload_file(public, user)
    job = start_job(user, f"sku,name,cover_image\nA,Shoe,{url}\n")
    plan.plan_chunks(job.pk)
    import_chunk.import_rows(chunk_ids(job)[0])
    [batch_id] = batch_ids(job)
    settings.LEASE_SECONDS = 0

    act_at("ingest-started", lambda: leases.take(BulkUploadMediaBatch.objects.filter(pk=batch_id)))
    attach.attach(batch_id)

    assert (image_hashes_of("A"), image_counts(job)) == ({}, ImageCounts(pending=1))
    run_job(job)
    assert image_hashes_of("A") == {"cover_image": hashes_of(url)}
    assert image_counts(job) == ImageCounts(ready=1)


@pytest.mark.covers("F32")
@pytest.mark.django_db(transaction=True)
def test_a_job_that_is_cancelled_while_files_are_read_attaches_nothing(
    public: MemoryStore, user: User
) -> None:
    job = start_job(user, f"sku,name,cover_image\nA,Shoe,{upload_file(public, user)}\n")
    plan.plan_chunks(job.pk)
    import_chunk.import_rows(chunk_ids(job)[0])

    act_at("ingest-started", lambda: jobs.cancel(user=user, job_id=job.pk))
    attach.attach(batch_ids(job)[0])

    assert (image_hashes_of("A"), image_counts(job)) == ({}, ImageCounts(pending=1))
    job.refresh_from_db()
    assert job.status == JobStatus.CANCELLED


@pytest.mark.django_db(transaction=True)
def test_a_product_that_is_deleted_while_files_are_read_is_skipped(
    public: MemoryStore, user: User
) -> None:
    url = upload_file(public, user)
    job = start_job(user, f"sku,name,cover_image\nA,Shoe,{url}\nB,Boot,{url}\n")
    plan.plan_chunks(job.pk)
    import_chunk.import_rows(chunk_ids(job)[0])

    products = Product.objects.filter(sku="A")
    act_at("ingest-started", lambda: entities.discard(products))
    run_job(job)

    job.refresh_from_db()
    assert (job.status, image_counts(job)) == (JobStatus.COMPLETED, ImageCounts(ready=1))
    assert image_hashes_of("B") == {"cover_image": hashes_of(url)}


def test_old_jobs_are_deleted_with_their_images(public: MemoryStore, user: User) -> None:
    job = import_table(
        user, f"sku,name,cover_image\nA,Shoe,{upload_file(public, user)}\nB,Boot,no\n"
    )
    finished_at = timezone.now() - timedelta(days=90, minutes=1)
    BulkUploadJob.objects.filter(pk=job.pk).update(finished_at=finished_at)

    assert retention.discard_old_jobs() == 1

    assert not BulkUploadMedia.objects.exists()
    assert not BulkUploadMediaBatch.objects.exists()
    assert list(image_hashes_of("A")) == ["cover_image"]
