"""Waiting rows are enqueued again, and outages fail no import."""

from typing import Any

import pytest
from kombu import Connection
from pytest_django import Settings

from accounts.models import User
from bulkupload.models import BulkUploadChunk, BulkUploadJob, JobStatus
from bulkupload.services import recovery
from bulkupload.services.rows import import_chunk, plan
from bulkupload.tests.importing import TABLE, chunk_ids, row_counts, start_job
from media.errors import StoreCredentialsError
from media.storage.testing.memory import MemoryStore, nothing


@pytest.mark.covers("F08")
def test_waiting_rows_are_enqueued_again(
    private: MemoryStore,
    user: User,
    small_chunks: None,
    settings: Settings,
    broker_connection: Connection,
) -> None:
    channel: Any = broker_connection.default_channel
    settings.RESEND_AFTER_SECONDS = 0
    job = start_job(user, TABLE)

    first = recovery.resend()
    plan.plan_chunks(job.pk)
    assert recovery.resend() == 0  # the message of the first chunk is still in the queue
    channel.client.delete("bulk")  # all messages are lost
    second = recovery.resend()
    channel.client.delete("bulk")
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
