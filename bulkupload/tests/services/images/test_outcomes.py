"""The outcomes of a job's images are saved image by image, and only for that job."""

from typing import Any

import pytest
from django.db.models.functions import Now

from accounts.models import User
from accounts.tests.factories import UserFactory
from bulkupload.models import (
    BulkUploadJob,
    BulkUploadMedia,
    BulkUploadMediaBatch,
    BulkUploadRowError,
    JobStatus,
    MediaStatus,
)
from bulkupload.services import lifecycle
from bulkupload.services.images import attach, finish
from bulkupload.services.rows import import_chunk, plan
from bulkupload.tests.importing import ImageCounts, batch_ids, chunk_ids, image_counts, start_job
from bulkupload.tests.waiting import waiting_imports
from media.models import MediaResource, ResourceStatus
from media.storage.testing.memory import MemoryStore
from media.tests.factories import deliver, photo, upload_file

pytestmark = pytest.mark.usefixtures("bystander")


def job_with_attached_images(user: User, *urls: str) -> BulkUploadJob:
    """Return a running job whose images are attached and still being processed."""
    job = start_job(user, f"sku,name,images\nA,Shoe,{'|'.join(urls)}\n")
    plan.plan_chunks(job.pk)
    for pk in chunk_ids(job):
        import_chunk.import_rows(pk)
    for pk in batch_ids(job):
        attach.attach(pk)
    job.refresh_from_db()
    assert job.status == JobStatus.RUNNING
    return job


def rows_of(job: BulkUploadJob) -> list[list[dict[str, Any]]]:
    """Return everything that is stored about a job."""
    jobs = BulkUploadJob.objects.filter(pk=job.pk)
    models = (BulkUploadMedia, BulkUploadMediaBatch, BulkUploadRowError)
    parts = [model._default_manager.filter(job=job).order_by("pk") for model in models]
    return [list(jobs.values()), *(list(rows.values()) for rows in parts)]


@pytest.fixture
def two_jobs(public: MemoryStore, user: User) -> tuple[BulkUploadJob, BulkUploadJob]:
    """A job and one of another tenant, each with an image."""
    other_user = UserFactory.create()
    return (
        job_with_attached_images(user, upload_file(public, user, photo(1))),
        job_with_attached_images(other_user, upload_file(public, other_user, photo(2))),
    )


@pytest.mark.parametrize("failure_code", ["", "decode_limit"])
def test_finishing_a_job_changes_nothing_of_another(
    two_jobs: tuple[BulkUploadJob, BulkUploadJob], failure_code: str
) -> None:
    job, other_job = two_jobs
    before = rows_of(other_job)
    status = ResourceStatus.FAILED if failure_code else ResourceStatus.READY
    owners = [job.user, other_job.user]
    MediaResource.objects.filter(user__in=owners).update(status=status, failure_code=failure_code)

    finish.finish_job(job.pk)

    job.refresh_from_db()
    assert job.status in {JobStatus.COMPLETED, JobStatus.COMPLETED_WITH_ERRORS}
    assert sum(image_counts(job)) == 1
    assert BulkUploadRowError.objects.filter(job=job).count() == bool(failure_code)
    assert rows_of(other_job) == before


def test_the_pending_images_of_another_job_do_not_delay_a_job(
    two_jobs: tuple[BulkUploadJob, BulkUploadJob],
) -> None:
    job, other_job = two_jobs
    MediaResource.objects.filter(user=job.user).update(status=ResourceStatus.READY)

    finish.finish_job(job.pk)
    finish.finish_job(other_job.pk)

    job.refresh_from_db()
    other_job.refresh_from_db()
    assert (job.status, other_job.status) == (JobStatus.COMPLETED, JobStatus.RUNNING)
    assert not lifecycle.finish(other_job.pk)


def test_a_row_is_finished_when_its_last_image_is(public: MemoryStore, user: User) -> None:
    job = job_with_attached_images(
        user, *(upload_file(public, user, photo(number)) for number in (1, 2))
    )
    first, second = MediaResource.objects.filter(user=user).order_by("created_at", "pk")
    deliver(first)

    finish.finish_job(job.pk)

    row = BulkUploadMedia.objects.get(job=job)
    job.refresh_from_db()
    assert (row.status, job.status) == (MediaStatus.ATTACHED, JobStatus.RUNNING)
    assert image_counts(job) == ImageCounts(pending=1, ready=1)
    deliver(second)
    finish.finish_job(job.pk)
    row.refresh_from_db()
    job.refresh_from_db()
    assert (row.status, job.status) == (MediaStatus.READY, JobStatus.COMPLETED)
    assert image_counts(job) == ImageCounts(ready=2)


@pytest.mark.parametrize(
    ("change", "is_unsaved"),
    [
        ({}, False),
        ({"status": ResourceStatus.READY}, True),
        ({"status": ResourceStatus.FAILED, "failure_code": "decode_limit"}, True),
        ({"deleted_at": Now()}, True),  # it was replaced, so it was ready
    ],
)
def test_a_row_with_a_repeated_and_a_refused_image_has_an_unsaved_outcome_when_its_resource_changes(
    user: User, change: dict[str, Any], *, is_unsaved: bool
) -> None:
    [job] = waiting_imports(user, 1)
    row = BulkUploadMedia.objects.get(job=job)
    row.resources, row.pending, row.failed = [*row.resources * 2, None], 2, 1
    row.save()

    MediaResource.objects.filter(pk=row.resources[0]).update(updated_at=Now(), **change)

    assert BulkUploadMedia.objects.filter(job=job).with_unsaved_outcome().exists() is is_unsaved
