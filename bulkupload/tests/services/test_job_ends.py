"""How jobs end: cancelled, failed, finished, deleted."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Membership, OwnerScope, User
from accounts.tests.factories import MembershipFactory
from bulkupload.errors import JobFinishedError, NothingToRetryError
from bulkupload.models import BulkUploadJob, BulkUploadRowError, JobStatus
from bulkupload.services import jobs, lifecycle, recovery, retention
from bulkupload.services.rows import failures, import_chunk, plan
from bulkupload.tests.importing import (
    TABLE,
    RowCounts,
    chunk_ids,
    import_table,
    progress,
    progress_of_stale,
    row_counts,
    run_job,
    start_job,
)
from catalog.models import Product
from media.models import Bucket, ObjectDeletion
from media.storage.testing.memory import MemoryStore
from media.tests.threads import at_once
from sartiq.core.work import crash_points

pytestmark = pytest.mark.usefixtures("bystander")


@pytest.mark.covers("F32")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("point", ["bulk-parsed", "bulk-merged"])
def test_cancelling_stops_within_one_chunk(
    private: MemoryStore, user: User, small_chunks: None, point: str
) -> None:
    job = start_job(user, TABLE)
    plan.plan_chunks(job.pk)
    first, *others = chunk_ids(job)
    import_chunk.import_rows(first)

    def cancel(reached: str) -> None:
        if reached == point:
            crash_points.install(None)
            at_once([lambda: jobs.cancel(user=user, job_id=job.pk)])

    crash_points.install(cancel)
    for pk in others:
        import_chunk.import_rows(pk)
    recovery.resend()

    job.refresh_from_db()
    assert job.status == JobStatus.CANCELLED
    assert row_counts(job) == RowCounts(created=4)
    assert Product.objects.filter(user=user).count() == 4
    with pytest.raises(JobFinishedError):
        jobs.cancel(user=user, job_id=job.pk)


@pytest.mark.covers("F32")
def test_a_job_whose_user_may_no_longer_write_is_cancelled(
    private: MemoryStore, user: User
) -> None:
    organization = MembershipFactory.create(user=user).organization
    job = start_job(user, TABLE, scope=OwnerScope(user_id=user.pk, organization_id=organization.pk))
    plan.plan_chunks(job.pk)
    Membership.objects.filter(user=user).delete()

    run_job(job)

    assert (job.status, job.failure_code) == (JobStatus.CANCELLED, "owner_gone")
    assert not Product.objects.filter(user=user).exists()


@pytest.mark.covers("F33")
def test_a_missing_file_fails_the_job_and_preserves_the_counts(
    private: MemoryStore, user: User, small_chunks: None
) -> None:
    job = start_job(user, TABLE)
    plan.plan_chunks(job.pk)
    import_chunk.import_rows(chunk_ids(job)[0])
    private.delete_many([job.source_key])

    run_job(job)

    assert (job.status, job.failure_code) == (JobStatus.FAILED, "source_missing")
    assert row_counts(job) == RowCounts(created=4)
    assert Product.objects.filter(user=user).count() == 4
    with pytest.raises(NothingToRetryError):
        jobs.retry(user=user, job_id=job.pk)


@pytest.mark.covers("T66")
@pytest.mark.django_db(transaction=True)  # each deletion has a transaction of its own
def test_old_jobs_are_deleted_with_their_errors_and_files(private: MemoryStore, user: User) -> None:
    old_job, young_job = import_table(user, TABLE), import_table(user, TABLE)
    running_job = start_job(user, TABLE)
    finished_at = timezone.now() - timedelta(days=90, minutes=1)
    BulkUploadJob.objects.filter(pk=old_job.pk).update(finished_at=finished_at)

    assert retention.discard_old_jobs() == 1

    remaining = set(BulkUploadJob.objects.filter(user=user).values_list("pk", flat=True))
    assert remaining == {young_job.pk, running_job.pk}
    assert set(
        BulkUploadRowError.objects.filter(job__user=user).values_list("job_id", flat=True)
    ) == {young_job.pk}
    queued_deletions = ObjectDeletion.objects.filter(bucket=Bucket.PRIVATE)
    assert list(queued_deletions.values_list("key", flat=True)) == [old_job.source_key]


@pytest.mark.covers("I12")
def test_progress_never_exceeds_the_known_number_of_rows(private: MemoryStore, user: User) -> None:
    stale_job = start_job(user, "sku,name\nA,Shoe\n,Boot\n")
    finished_job = run_job(BulkUploadJob.objects.get(pk=stale_job.pk))

    assert (progress_of_stale(stale_job).processed, progress_of_stale(stale_job).total) == (0, 0)
    assert (progress(finished_job).processed, progress(finished_job).total) == (2, 2)


@pytest.mark.covers("I11")
def test_an_ended_job_cannot_end_again(private: MemoryStore, user: User) -> None:
    job = import_table(user, "sku,name\nA,Shoe\n")

    assert not lifecycle.cancel(job.pk)
    assert not lifecycle.fail(job.pk, failures.SOURCE_MISSING)
    assert not lifecycle.finish(job.pk)
    job.refresh_from_db()
    assert job.status == JobStatus.COMPLETED
