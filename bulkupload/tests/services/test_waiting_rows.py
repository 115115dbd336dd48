"""Each step of an import that waits for a worker is found among the waiting rows of its queue."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from bulkupload.models import (
    BulkUploadChunk,
    BulkUploadJob,
    BulkUploadMediaBatch,
    JobStatus,
    RemoteImage,
)
from bulkupload.services import recovery  # noqa: F401  registers the queries for waiting rows
from bulkupload.services.rows import import_chunk, plan
from bulkupload.tests.fetching import FIRST_URL, fetch_all
from bulkupload.tests.importing import attach_all, chunk_ids, start_job
from media.storage import RemoteFetcher
from media.storage.testing.memory import MemoryStore
from media.tests.storage.image_server import ImageServer
from sartiq.core.work.queues import BULK, DELETIONS, EXPORTS, MAINTENANCE
from sartiq.core.work.resend import has_waiting_rows

pytestmark = pytest.mark.django_db


def require_only_work(rows: "QuerySet[Any]") -> None:
    """Require that only these rows wait, in the imports queue, and none while they are leased."""
    later = timezone.now() + timedelta(minutes=1)
    assert has_waiting_rows([BULK])
    assert not has_waiting_rows([DELETIONS, EXPORTS, MAINTENANCE])
    rows.update(lease_expires_at=later)
    assert not has_waiting_rows([BULK])
    rows.update(lease_expires_at=None)


def test_every_step_of_an_import_has_waiting_rows_in_its_queue(
    public: MemoryStore, user: User, fetcher: RemoteFetcher, server: ImageServer
) -> None:
    assert not has_waiting_rows([BULK])
    job = start_job(user, f"sku,name,cover_image\nS1,Shoe,{FIRST_URL}\n")

    require_only_work(BulkUploadJob.objects.all())
    plan.plan_chunks(job.pk)
    require_only_work(BulkUploadChunk.objects.all())
    for pk in chunk_ids(job):
        import_chunk.import_rows(pk)
    require_only_work(RemoteImage.objects.all())
    fetch_all(fetcher)
    require_only_work(BulkUploadMediaBatch.objects.all())
    attach_all(job)

    assert not has_waiting_rows([BULK])
    assert BulkUploadJob.objects.get().status == JobStatus.COMPLETED
