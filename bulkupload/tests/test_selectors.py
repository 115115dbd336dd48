"""The progress of jobs, computed from rows with given times."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from bulkupload.models import (
    BulkUploadChunk,
    BulkUploadJob,
    BulkUploadMediaBatch,
    PhotoBatch,
    PhotoFile,
)
from bulkupload.selectors import RATE_WINDOW, BatchProgress, progress_of, progress_of_batches

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def speed(job: BulkUploadJob, seconds: float) -> tuple[float | None, int | None]:
    """Return the rate and the remaining time of a job, `seconds` after the start."""
    progress = progress_of([job], now=after(seconds))[job.pk]
    return (progress.rows_per_second, progress.seconds_left)


@pytest.fixture
def make_job(user: User) -> Callable[..., BulkUploadJob]:
    """Return a function that creates a running job with chunks of 100 rows.

    Its arguments are the times at which the chunks ended, None for a chunk that still waits.
    """

    def job_with(*finished: float | None, **fields: Any) -> BulkUploadJob:
        job = BulkUploadJob.objects.create(
            **{"user": user, "source_size": 1, "total_rows": 100 * len(finished)}
            | {"status": "RUNNING", "planned_at": START, "started_at": START, **fields}
        )
        for number, seconds in enumerate(finished):
            outcome = {} if seconds is None else {"status": "DONE", "created": 100}
            BulkUploadChunk.objects.create(
                **{"job": job, "number": number, "start": 0, "length": 1, "first_line": 2}
                | {"first_row": 1, "rows": 100, **outcome},
                finished_at=None if seconds is None else after(seconds),
            )
        return job

    return job_with


def batch(job: BulkUploadJob, seconds: float, **counts: int) -> None:
    """Add a batch of images to the first chunk, updated `seconds` after the start."""
    chunk = job.chunks.earliest("number")
    batch = BulkUploadMediaBatch.objects.create(job=job, chunk=chunk, **counts)
    BulkUploadMediaBatch.objects.filter(pk=batch.pk).update(updated_at=after(seconds))


def test_the_rate_is_measured_until_now_while_rows_remain(
    make_job: Callable[..., BulkUploadJob],
) -> None:
    job = make_job(5, 10, None)

    assert speed(job, 10) == (20.0, 5)
    assert speed(job, 20) == (10.0, 10)


def test_the_remaining_time_is_at_least_a_second_while_rows_remain(
    make_job: Callable[..., BulkUploadJob],
) -> None:
    job = make_job(*[1.0] * 300, None)

    assert speed(job, 1) == (30_000.0, 1)


def test_images_do_not_reduce_the_rate(make_job: Callable[..., BulkUploadJob]) -> None:
    job = make_job(5, 10)
    batch(job, 10, pending=50)

    assert speed(job, 10) == (20.0, None)
    assert speed(job, 1000) == (20.0, None)


def test_the_remaining_time_is_estimated_from_finished_images(
    make_job: Callable[..., BulkUploadJob],
) -> None:
    job = make_job(5, 10)
    batch(job, 8, ready=500)
    batch(job, 20, ready=9, failed=1, pending=10)
    batch(job, 10, pending=20)

    assert speed(job, 20) == (20.0, 30)


def test_no_seconds_remain_when_rows_and_images_have_ended(
    make_job: Callable[..., BulkUploadJob],
) -> None:
    job = make_job(5, 10)
    batch(job, 20, ready=10)

    assert speed(job, 30) == (20.0, 0)


def test_an_ended_job_keeps_the_rate_of_its_rows(make_job: Callable[..., BulkUploadJob]) -> None:
    completed_job = make_job(5, 10, status="COMPLETED", finished_at=after(100))
    cancelled_job = make_job(5, None, status="CANCELLED", finished_at=after(100))

    assert speed(completed_job, 1000) == (20.0, None)
    assert speed(cancelled_job, 1000) == (1.0, None)


def test_the_number_of_queries_does_not_depend_on_the_number_of_jobs(
    make_job: Callable[..., BulkUploadJob],
) -> None:
    jobs = [
        make_job(5, 10),
        make_job(None),
        make_job(5),
        make_job(5, status="FAILED", finished_at=after(9)),
    ]
    batch(jobs[0], 20, ready=5, pending=5)
    batch(jobs[2], 15, ready=1, pending=5)

    with CaptureQueriesContext(connection) as queries:
        progress = progress_of(jobs, now=after(25))

    assert [progress[job.pk].seconds_left for job in jobs] == [15, None, 100, None]
    assert len(queries) == 2


def photo_batch(user: User, *finished: float | None, **fields: Any) -> PhotoBatch:
    """Create a batch of photos that were ready at these times, None for one still expected."""
    values = {"user": user, "last_arrival_at": START, "started_at": START, "status": "RUNNING"}
    batch = PhotoBatch.objects.create(**values | fields)
    PhotoFile.objects.bulk_create(
        PhotoFile(
            batch=batch,
            path=str(number),
            content_type="image/png",
            file_size=1,
            product_id=batch.pk,
            slot="images",
            status="WAITING" if seconds is None else "READY",
            finished_at=None if seconds is None else after(seconds),
        )
        for number, seconds in enumerate(finished)
    )
    return batch


def batch_progress(batch: PhotoBatch, seconds: float) -> BatchProgress:
    return progress_of_batches([batch], now=after(seconds))[batch.pk]


def batch_speed(batch: PhotoBatch, seconds: float) -> tuple[float | None, int | None]:
    progress = batch_progress(batch, seconds)
    return (progress.photos_per_second, progress.seconds_left)


def test_the_rate_of_a_photo_batch_is_that_of_the_last_minutes(user: User) -> None:
    day, window = 24 * 3600, RATE_WINDOW.total_seconds()
    batch = photo_batch(user, *[1.0] * 10, *[float(day)] * 600, None, None)

    assert batch_speed(batch, 1) == (610.0, 1)
    assert batch_speed(batch, day + 1) == (600 / window, 1)
    assert batch_speed(batch, day + window + 1) == (None, None)


def test_a_photo_without_product_does_not_count_as_remaining_work(user: User) -> None:
    batch = photo_batch(user, 5, None, None, None)
    PhotoFile.objects.filter(batch=batch, path="3").update(product_id=None, slot="")

    progress = batch_progress(batch, 10)

    assert (progress.undecided, progress.seconds_left) == (1, 20)
    assert progress.counts == {"READY": 1, "WAITING": 3}


def test_an_ended_photo_batch_keeps_its_rate(user: User) -> None:
    batch = photo_batch(user, 5, 10, status="DONE", finished_at=after(20))

    assert batch_speed(batch, 100_000) == (0.1, None)
    assert batch_speed(photo_batch(user, None, started_at=None, status="OPEN"), 10) == (None, None)


def test_a_page_of_photo_batches_takes_one_query(user: User) -> None:
    batches = [photo_batch(user, *[1.0] * count, None) for count in (1, 2, 3)]

    with CaptureQueriesContext(connection) as queries:
        progress = progress_of_batches(batches, now=after(1))

    assert [progress[batch.pk].photos_per_second for batch in batches] == [1.0, 2.0, 3.0]
    assert len(queries) == 1
