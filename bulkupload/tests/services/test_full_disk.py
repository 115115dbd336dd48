"""A worker whose disk is full: the attempt leaves no files and is retried."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from bulkupload.models import BulkUploadChunk, BulkUploadJob, JobStatus
from bulkupload.services.rows import plan
from bulkupload.tests.importing import RowCounts, row_counts, run_job, start_job
from bulkupload.tests.workbook import workbook
from catalog.models import Product
from media.storage.testing.memory import MemoryStore
from sartiq.core import temporary_files
from sartiq.core.work import crash_points
from sartiq.core.work.retry_policy import MAX_ATTEMPTS, MAX_OUTAGE

MAX_BYTES = 16 * 1024  # of a file; the table is longer
TABLE = "sku,name\n" + "".join(f"S{n},Name {n}\n" for n in range(5000))


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let the kernel refuse to make a file of this process longer than `size`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def temporary(tmp_path: Path, settings: Settings) -> Path:
    settings.TEMPORARY_DIR = str(tmp_path)
    return temporary_files.process_folder()


@pytest.mark.covers("F34")
@pytest.mark.django_db(transaction=True)
def test_a_full_disk_is_retried_and_leaves_no_file(
    private: MemoryStore, user: User, temporary: Path
) -> None:
    job = start_job(user, TABLE)

    with file_size_limit(MAX_BYTES):
        plan.plan_chunks(job.pk)

    job.refresh_from_db()
    assert list(temporary.iterdir()) == []
    assert (job.status, job.planned_at, job.lease_holder) == (JobStatus.RUNNING, None, None)
    assert job.run_after is not None
    assert job.run_after > timezone.now()
    assert not BulkUploadChunk.objects.exists()
    assert not Product.objects.exists()

    BulkUploadJob.objects.update(run_after=None)
    run_job(job)
    assert job.status == JobStatus.COMPLETED
    assert row_counts(job) == RowCounts(created=5000)


@pytest.mark.covers("F34")
@pytest.mark.django_db(transaction=True)
def test_a_disk_that_stays_full_for_a_day_fails_the_job(
    private: MemoryStore, user: User, temporary: Path
) -> None:
    job = start_job(user, TABLE)

    with file_size_limit(MAX_BYTES):
        for _ in range(MAX_ATTEMPTS + 1):
            BulkUploadJob.objects.update(run_after=None)
            plan.plan_chunks(job.pk)
        job.refresh_from_db()
        assert job.status == JobStatus.RUNNING
        BulkUploadJob.objects.update(run_after=None, unavailable_since=Now() - MAX_OUTAGE)
        plan.plan_chunks(job.pk)

    job.refresh_from_db()
    assert list(temporary.iterdir()) == []
    assert (job.status, job.failure_code) == (JobStatus.FAILED, "disk_unavailable")
    assert not Product.objects.exists()


@pytest.mark.covers("F34")
@pytest.mark.parametrize("body", [TABLE.encode(), workbook({1: ["sku", "name"], 2: ["A", "Hat"]})])
def test_a_worker_that_is_killed_leaves_no_file(
    private: MemoryStore, user: User, temporary: Path, body: bytes
) -> None:
    job = start_job(user, body)
    files: list[list[Path]] = []

    crash_points.install(lambda _point: files.append(list(temporary.iterdir())))
    try:
        plan.plan_chunks(job.pk)
    finally:
        crash_points.install(None)

    job.refresh_from_db()
    assert job.planned_at is not None
    assert files
    assert not any(files)
