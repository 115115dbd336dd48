"""The progress of jobs, computed from rows with given times."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from bulkupload.models import BulkUploadChunk, BulkUploadJob, BulkUploadMediaBatch
from bulkupload.selectors import progress_of

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
    completed = make_job(5, 10, status="COMPLETED", finished_at=after(100))
    cancelled = make_job(5, None, status="CANCELLED", finished_at=after(100))

    assert speed(completed, 1000) == (20.0, None)
    assert speed(cancelled, 1000) == (1.0, None)


def test_a_page_of_jobs_takes_as_many_queries_as_one(
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
