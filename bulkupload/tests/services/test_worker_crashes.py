"""Workers that crash or lose their lease: every row counts once."""

import pytest
from pytest_django import Settings

from accounts.models import User
from bulkupload.models import BulkUploadChunk, BulkUploadRowError, JobStatus
from bulkupload.services import recovery
from bulkupload.services.rows import import_chunk, plan
from bulkupload.tests.importing import (
    TABLE,
    RowCounts,
    chunk_ids,
    errors_of,
    row_counts,
    run_job,
    start_job,
)
from catalog.models import Product
from media.storage.testing.memory import MemoryStore
from media.tests.crashes import Crash, dying_at
from media.tests.threads import at_once
from sartiq.core.work import crash_points, leases
from sartiq.core.work.retry_policy import MAX_ATTEMPTS

POINTS = [
    *("lease-taken", "bulk-downloaded", "bulk-chunks-planned", "bulk-planning", "bulk-planned"),
    *("bulk-parsed", "bulk-merged", "bulk-marked", "bulk-imported", "bulk-finish"),
]


@pytest.mark.covers("F30", "I11", "I12")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("crash_count", [1, 3])
@pytest.mark.usefixtures("small_chunks")
def test_every_row_is_counted_once_despite_a_crash_at_any_step(
    private: MemoryStore, user: User, settings: Settings, point: str, crash_count: int
) -> None:
    settings.LEASE_SECONDS = 0  # the lease of a dead worker ends immediately
    job = start_job(user, TABLE)
    crashes = 0

    for _ in range(40):
        crash_points.install(dying_at(point) if crashes < crash_count else None)
        try:
            run_job(job)
            recovery.resend()
        except Crash:
            crashes += 1
        finally:
            crash_points.install(None)
        job.refresh_from_db()
        assert sum(row_counts(job)) <= 21
        if job.is_finished and crashes == crash_count:
            break

    assert crashes >= 1
    assert job.status == JobStatus.COMPLETED_WITH_ERRORS
    assert row_counts(job) == RowCounts(created=20, failed=1)
    assert errors_of(job) == [(21, 22, "sku", "missing")]
    assert Product.objects.count() == 20


@pytest.mark.covers("F06", "I15")
def test_a_chunk_that_kills_every_worker_is_given_up(
    private: MemoryStore, user: User, settings: Settings
) -> None:
    settings.LEASE_SECONDS = 0
    job = start_job(user, TABLE)
    plan.plan_chunks(job.pk)
    BulkUploadChunk.objects.update(attempts=MAX_ATTEMPTS)

    run_job(job)

    assert (job.status, job.failure_code) == (JobStatus.FAILED, "attempts_exhausted")
    assert row_counts(job) == RowCounts()


@pytest.mark.covers("F31", "I15")
@pytest.mark.django_db(transaction=True)
def test_a_worker_that_lost_its_lease_commits_nothing(
    private: MemoryStore, user: User, settings: Settings
) -> None:
    job = start_job(user, TABLE)
    plan.plan_chunks(job.pk)
    [chunk_id] = chunk_ids(job)
    settings.LEASE_SECONDS = 0

    def finish_as_other_worker(point: str) -> None:
        if point == "bulk-merged":
            crash_points.install(None)
            rows = BulkUploadChunk.objects.filter(pk=chunk_id)
            at_once([lambda: leases.take(rows)])

    crash_points.install(finish_as_other_worker)
    import_chunk.import_rows(chunk_id)

    assert not Product.objects.exists()
    assert not BulkUploadRowError.objects.exists()
    run_job(job)
    assert row_counts(job) == RowCounts(created=20, failed=1)
