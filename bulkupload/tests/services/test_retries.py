"""Retrying a job."""

import pytest

from accounts.models import User
from accounts.tests.factories import UserFactory
from bulkupload.errors import NothingToRetryError
from bulkupload.models import JobStatus
from bulkupload.services import jobs
from bulkupload.services.rows import import_chunk, plan
from bulkupload.tests.importing import (
    TABLE,
    RowCounts,
    chunk_ids,
    import_table,
    row_counts,
    run_job,
    start_job,
)
from catalog.models import Product
from media.storage.testing.memory import MemoryStore


def test_refused_rows_are_retried_as_a_new_job(private: MemoryStore, user: User) -> None:
    Product.objects.create(user=user, sku="007", name="Bond")
    job = import_table(user, "sku;name\n7;Bond\nA;Shoe\n", filename="a.csv")
    Product.objects.filter(sku="007").delete()

    retry_job = run_job(jobs.retry(user=user, job_id=job.pk))

    assert row_counts(job) == RowCounts(created=1, failed=1)
    assert (retry_job.retry_of_id, retry_job.status) == (job.pk, JobStatus.COMPLETED)
    assert row_counts(retry_job) == RowCounts(created=1)
    with pytest.raises(NothingToRetryError):
        jobs.retry(user=user, job_id=retry_job.pk)


def test_a_retry_of_a_cancelled_job_imports_the_whole_table(
    private: MemoryStore, user: User, small_chunks: None
) -> None:
    job = start_job(user, TABLE)
    plan.plan_chunks(job.pk)
    import_chunk.import_rows(chunk_ids(job)[0])
    jobs.cancel(user=user, job_id=job.pk)

    retry_job = run_job(jobs.retry(user=user, job_id=job.pk))

    assert row_counts(retry_job) == RowCounts(created=16, unchanged=4, failed=1)


def test_a_personal_job_retried_by_staff_belongs_to_its_owner(
    private: MemoryStore, user: User
) -> None:
    staff: User = UserFactory.create(is_superuser=True)
    job = import_table(user, "sku,name\nA,\n")

    retry_job = jobs.retry(user=staff, job_id=job.pk)

    assert (retry_job.user_id, retry_job.organization_id) == (user.pk, None)
