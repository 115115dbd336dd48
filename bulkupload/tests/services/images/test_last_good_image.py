"""If several rows have images for a slot, the last row with good images wins."""

from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from bulkupload.models import (
    BulkUploadJob,
    BulkUploadMedia,
    BulkUploadMediaBatch,
    JobStatus,
    MediaStatus,
)
from bulkupload.services import jobs
from bulkupload.services.images import attach, attach_products
from bulkupload.services.rows import import_chunk, plan
from bulkupload.tests.images import hashes_of, image_hashes_of, upload_three_images
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
from media.storage.testing.memory import MemoryStore
from media.tests.factories import upload_file

HEADER = "sku,name,cover_image\n"
SVG = b"<svg onload=alert(1)>"


def import_chunks(job: BulkUploadJob) -> BulkUploadJob:
    """Import the rows without attaching their images."""
    plan.plan_chunks(job.pk)
    for pk in chunk_ids(job):
        import_chunk.import_rows(pk)
    return job


@pytest.fixture
def one_row_per_chunk(settings: Settings) -> None:
    settings.BULK_CHUNK_ROWS = 1


@pytest.mark.usefixtures("one_row_per_chunk")
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_bad_image_never_replaces_a_good_one(
    public: MemoryStore, user: User, order: tuple[int, int]
) -> None:
    good_url, bad_url = upload_file(public, user), upload_file(public, user, SVG)
    job = import_chunks(start_job(user, f"{HEADER}A,Shoe,{good_url}\nA,Shoe2,{bad_url}\n"))
    batches = batch_ids(job)

    for index in order:
        attach.attach(batches[index])

    attach_all(job)
    assert image_hashes_of("A") == {"cover_image": hashes_of(good_url)}
    assert image_counts(job) == ImageCounts(ready=1, failed=1)


@pytest.mark.usefixtures("one_row_per_chunk")
def test_a_bad_image_does_not_replace_one_attached_before_its_chunk(
    public: MemoryStore, user: User
) -> None:
    good_url, bad_url = upload_file(public, user), upload_file(public, user, SVG)
    job = start_job(user, f"{HEADER}A,Shoe,{good_url}\nA,Shoe2,{bad_url}\n")
    plan.plan_chunks(job.pk)
    first, second = chunk_ids(job)
    import_chunk.import_rows(first)
    attach.attach(batch_ids(job)[0])

    import_chunk.import_rows(second)
    attach_all(job)

    assert image_hashes_of("A") == {"cover_image": hashes_of(good_url)}
    assert image_counts(job) == ImageCounts(ready=1, failed=1)


@pytest.mark.usefixtures("one_row_per_chunk")
@pytest.mark.parametrize(("order", "ready"), [((0, 1), 2), ((1, 0), 1)])
def test_the_last_good_image_wins_in_any_order(
    public: MemoryStore, user: User, order: tuple[int, int], ready: int
) -> None:
    one, two, _ = upload_three_images(public, user)
    job = import_chunks(start_job(user, f"{HEADER}A,Shoe,{one}\nA,Shoe2,{two}\n"))
    batches = batch_ids(job)

    for index in order:
        attach.attach(batches[index])

    attach_all(job)
    job.refresh_from_db()
    assert job.status == JobStatus.COMPLETED_WITH_ERRORS  # the SKU is repeated
    assert image_hashes_of("A") == {"cover_image": hashes_of(two)}
    assert image_counts(job) == ImageCounts(ready=ready)


@pytest.mark.usefixtures("one_row_per_chunk")
def test_a_cleared_slot_stays_empty_if_an_earlier_row_is_attached_later(
    public: MemoryStore, user: User
) -> None:
    job = import_chunks(start_job(user, f"{HEADER}A,Shoe,{upload_file(public, user)}\nA,Shoe2,\n"))
    earlier_batch, later_batch = batch_ids(job)

    attach.attach(later_batch)
    attach.attach(earlier_batch)

    job.refresh_from_db()
    assert (job.status, image_counts(job)) == (JobStatus.COMPLETED_WITH_ERRORS, ImageCounts())
    assert image_hashes_of("A") == {}


def test_images_of_a_later_job_win_even_if_attached_first(public: MemoryStore, user: User) -> None:
    one, two, _ = upload_three_images(public, user)
    first = import_chunks(start_job(user, f"{HEADER}A,Shoe,{one}\nB,Boot,{one}\n"))
    second = import_chunks(start_job(user, f"{HEADER}A,Shoe,{two}\n"))

    attach_all(second)

    assert image_counts(first) == ImageCounts(pending=1)
    assert image_counts(second) == ImageCounts(ready=1)
    attach_all(first)
    assert (image_hashes_of("A"), image_hashes_of("B")) == (
        {"cover_image": hashes_of(two)},
        {"cover_image": hashes_of(one)},
    )


def test_images_of_an_earlier_job_do_not_block_those_of_a_later_one(
    public: MemoryStore, user: User
) -> None:
    one, two, _ = upload_three_images(public, user)
    first = import_chunks(start_job(user, f"{HEADER}A,Shoe,{one}\n"))
    second = import_chunks(start_job(user, f"{HEADER}A,Shoe,{two}\n"))

    attach_all(first)

    assert image_counts(first) == ImageCounts(ready=1)
    assert image_counts(second) == ImageCounts(pending=1)
    attach_all(second)
    assert image_hashes_of("A") == {"cover_image": hashes_of(two)}


def test_a_cancelled_job_replaces_nothing(public: MemoryStore, user: User) -> None:
    table = f"{HEADER}A,Shoe,{upload_file(public, user)}\n"
    first, second = import_chunks(start_job(user, table)), import_chunks(start_job(user, table))

    jobs.cancel(user=user, job_id=second.pk)
    run_job(first)

    assert (first.status, image_counts(first)) == (JobStatus.COMPLETED, ImageCounts(ready=1))
    assert list(image_hashes_of("A")) == ["cover_image"]
    assert image_counts(second) == ImageCounts(pending=1)


def test_the_counts_of_a_cancelled_job_do_not_change(public: MemoryStore, user: User) -> None:
    one, two, _ = upload_three_images(public, user)
    job = import_chunks(start_job(user, f"{HEADER}A,Shoe,{one}\nB,Boot,{one}\n"))
    jobs.cancel(user=user, job_id=job.pk)

    import_table(user, f"{HEADER}A,Shoe,{two}\n")

    assert image_counts(job) == ImageCounts(pending=2)
    assert image_hashes_of("A") == {"cover_image": hashes_of(two)}


def test_the_counts_of_a_job_cancelled_before_the_lock_do_not_change(
    public: MemoryStore, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, _ = upload_three_images(public, user)
    first = import_chunks(start_job(user, f"{HEADER}A,Shoe,{one}\n"))
    second = import_chunks(start_job(user, f"{HEADER}A,Shoe,{two}\n"))
    find = attach_products.find_earlier_rows  # the rows it returns are locked afterwards

    def find_and_cancel(
        batch: BulkUploadMediaBatch, rows: list[BulkUploadMedia], product_ids: set[UUID]
    ) -> list[BulkUploadMedia]:
        earlier_rows = find(batch, rows, product_ids)
        jobs.cancel(user=user, job_id=first.pk)
        return earlier_rows

    monkeypatch.setattr(attach_products, "find_earlier_rows", find_and_cancel)
    attach.attach(batch_ids(second)[0])

    assert image_counts(first) == ImageCounts(pending=1)
    assert image_hashes_of("A") == {"cover_image": hashes_of(two)}


def test_pending_rows_of_a_cancelled_job_are_ignored(public: MemoryStore, user: User) -> None:
    one, two, _ = upload_three_images(public, user)
    import_table(user, f"{HEADER}A,Shoe,{one}\n")
    cancelled_job = import_chunks(start_job(user, f"{HEADER}A,Shoe,{two}\n"))
    jobs.cancel(user=user, job_id=cancelled_job.pk)

    second_job = import_table(user, f"{HEADER}A,Shoe,{one}\n")

    assert (second_job.status, image_counts(second_job)) == (JobStatus.COMPLETED, ImageCounts())
    assert not BulkUploadMedia.objects.filter(job=second_job).exists()


def test_an_image_attached_before_the_cancellation_stays_pending(
    public: MemoryStore, user: User
) -> None:
    url = upload_file(public, user)
    job = import_chunks(start_job(user, f"{HEADER}A,Shoe,{url}\n"))
    attach.attach(batch_ids(job)[0])

    jobs.cancel(user=user, job_id=job.pk)
    attach_all(job)

    assert image_counts(job) == ImageCounts(pending=1)
    assert BulkUploadMedia.objects.get().status == MediaStatus.ATTACHED
    assert image_hashes_of("A") == {"cover_image": hashes_of(url)}


def test_all_batches_are_locked_together_before_the_lease_is_checked(
    public: MemoryStore, user: User
) -> None:
    one, two, _ = upload_three_images(public, user)
    older_jobs = [import_chunks(start_job(user, f"{HEADER}{sku},Shoe,{one}\n")) for sku in "AB"]
    job = import_chunks(start_job(user, f"{HEADER}A,Shoe,{two}\nB,Boot,{two}\n"))
    ids = [pk for any_job in (*older_jobs, job) for pk in batch_ids(any_job)]

    with CaptureQueriesContext(connection) as captured:
        attach.attach(ids[-1])

    locks = [query["sql"] for query in captured if "FOR UPDATE" in query["sql"]]
    first, second, *_ = [sql for sql in locks if 'FROM "bulkupload_bulkuploadmediabatch"' in sql]
    assert all(str(pk) in first or pk.hex in first for pk in ids)
    assert 'SELECT "bulkupload_bulkuploadmediabatch"."id" AS' in first
    assert first.endswith(" ORDER BY 1 ASC FOR UPDATE")
    assert "lease_fence" in second
    assert [image_counts(older_job) for older_job in older_jobs] == [ImageCounts(), ImageCounts()]
    assert image_counts(job) == ImageCounts(pending=2)
