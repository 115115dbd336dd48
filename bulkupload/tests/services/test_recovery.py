"""Waiting rows are enqueued again, and outages fail no import."""

from collections.abc import Iterable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from bulkupload.models import BulkUploadChunk, BulkUploadJob, BulkUploadMedia, JobStatus
from bulkupload.services import recovery
from bulkupload.services.rows import import_chunk, plan
from bulkupload.tests.importing import (
    TABLE,
    ImageCounts,
    chunk_ids,
    image_counts,
    row_counts,
    start_job,
)
from bulkupload.tests.waiting import waiting_imports
from media.errors import StoreCredentialsError
from media.models import MediaResource, ResourceStatus
from media.storage.testing.memory import MemoryStore, nothing


@pytest.mark.covers("F08")
def test_waiting_rows_are_enqueued_again(
    private: MemoryStore,
    user: User,
    small_chunks: None,
    settings: Settings,
    broker_client: Any,
) -> None:
    settings.RESEND_AFTER_SECONDS = 0
    job = start_job(user, TABLE)

    first = recovery.resend()
    plan.plan_chunks(job.pk)
    assert recovery.resend() == 0  # the message of the first chunk is still in the queue
    broker_client.delete("bulk")  # all messages are lost
    second = recovery.resend()
    broker_client.delete("bulk")
    BulkUploadChunk.objects.filter(job=job).update(status="DONE", created=0, failed=0, rows=0)
    third = recovery.resend()

    job.refresh_from_db()
    assert (first, second, third) == (1, 6, 1)
    assert job.status == JobStatus.COMPLETED


def test_an_import_survives_refused_credentials(private: MemoryStore, user: User) -> None:
    job = start_job(user, TABLE)

    def refuse(operation: str, key: str) -> None:
        raise StoreCredentialsError

    private.before = refuse
    for _ in range(8):
        BulkUploadJob.objects.update(run_after=None)
        plan.plan_chunks(job.pk)
    private.before = nothing
    BulkUploadJob.objects.update(run_after=None)
    plan.plan_chunks(job.pk)
    (chunk,) = chunk_ids(job)
    private.before = refuse
    for _ in range(8):
        BulkUploadChunk.objects.update(run_after=None)
        import_chunk.import_rows(chunk)
    private.before = nothing
    BulkUploadChunk.objects.update(run_after=None)
    import_chunk.import_rows(chunk)

    job.refresh_from_db()
    assert (job.status, row_counts(job).created) == (JobStatus.COMPLETED_WITH_ERRORS, 20)


def make_ready(images: Iterable[BulkUploadMedia]) -> None:
    """Make the resources of some images READY."""
    ids = [pk for image in images for pk in image.resources]
    MediaResource.objects.filter(pk__in=ids).update(status=ResourceStatus.READY)


def test_imports_that_wait_for_their_images_cost_no_queries(user: User) -> None:
    query_counts = []

    for import_count in (1, 4):
        waiting_imports(user, import_count)
        with CaptureQueriesContext(connection) as captured:
            assert recovery.resend() == 0
        query_counts.append(len(captured))

    assert query_counts[0] == query_counts[1]


def test_a_finished_import_is_found_among_more_waiting_ones_than_one_run_takes(user: User) -> None:
    *_, job = waiting_imports(user, recovery.RECOVERY_BATCH_SIZE + 1)
    make_ready(BulkUploadMedia.objects.filter(job=job))

    assert recovery.resend() == 1

    job.refresh_from_db()
    assert (job.status, image_counts(job)) == (JobStatus.COMPLETED, ImageCounts(ready=1))
    unfinished = BulkUploadJob.objects.unfinished()
    assert unfinished.count() == recovery.RECOVERY_BATCH_SIZE


def test_imports_with_new_outcomes_take_turns(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "RECOVERY_BATCH_SIZE", 1)
    jobs = waiting_imports(user, 2, images=3)
    ready = []

    for row in (1, 2):
        make_ready(BulkUploadMedia.objects.filter(row=row))
        recovery.resend()
        ready.append([image_counts(job).ready for job in jobs])

    assert ready == [[1, 0], [1, 2]]
