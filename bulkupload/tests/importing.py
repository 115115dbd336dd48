"""Sending a table and doing all the work it makes, in this process."""

import io
from typing import Any

from django.utils import timezone

from accounts.models import OwnerScope, User
from bulkupload import selectors
from bulkupload.models import (
    BulkUploadChunk,
    BulkUploadJob,
    BulkUploadMedia,
    BulkUploadMediaBatch,
    BulkUploadRowError,
)
from bulkupload.selectors import Progress
from bulkupload.services import jobs
from bulkupload.services.images import attach, finish
from bulkupload.services.jobs import Table
from bulkupload.services.rows import import_chunk, plan
from catalog.models import Product
from media.tests.factories import drain


def send(user: User, body: bytes | str, **options: Any) -> BulkUploadJob:
    """Start a job for a table."""
    raw = body.encode() if isinstance(body, str) else body
    scope = options.pop("scope", OwnerScope(user_id=user.pk))
    filename = options.pop("filename", "products.csv")
    table = Table(body=io.BytesIO(raw), size=len(raw), filename=filename, **options)
    return jobs.start(user=user, scope=scope, table=table)


def work_off(job: BulkUploadJob) -> BulkUploadJob:
    """Plan the job, import its chunks in order, and do the work of its pictures."""
    plan.plan(job.pk)
    for pk in chunk_ids(job):
        import_chunk.import_rows(pk)
    attach_all(job)
    job.refresh_from_db()
    return job


def attach_all(job: BulkUploadJob) -> None:
    """Show the pictures of a job, every message delivered twice."""
    for pk in batch_ids(job) * 2:
        attach.attach(pk)
    if BulkUploadMedia.objects.filter(job=job).exists():
        drain()
        finish.settle_job(job.pk)


def batch_ids(job: BulkUploadJob) -> list[Any]:
    """Return the batches of a job in order."""
    rows = BulkUploadMediaBatch.objects.filter(job=job).order_by("created_at", "pk")
    return list(rows.values_list("pk", flat=True))


def imported(user: User, body: bytes | str, **options: Any) -> BulkUploadJob:
    """Start a job and see it through."""
    return work_off(send(user, body, **options))


def chunk_ids(job: BulkUploadJob) -> list[Any]:
    """Return the chunks of a job by number."""
    rows = BulkUploadChunk.objects.filter(job=job).order_by("number")
    return list(rows.values_list("pk", flat=True))


def counts(job: BulkUploadJob) -> tuple[int, int, int, int]:
    """Return created, updated, unchanged and failed rows."""
    found = progress(job)
    return (found.created, found.updated, found.unchanged, found.failed)


def pictures(job: BulkUploadJob) -> tuple[int, int, int]:
    """Return pending, ready and failed pictures."""
    found = progress(job).media
    return (found.pending, found.ready, found.failed)


def progress(job: BulkUploadJob) -> Progress:
    """Return how far a job is now."""
    return progress_as_read(BulkUploadJob.objects.get(pk=job.pk))


def progress_as_read(job: BulkUploadJob) -> Progress:
    """Return how far a job is to somebody who read its row a while ago."""
    return selectors.progress_of([job], now=timezone.now())[job.pk]


def faults(job: BulkUploadJob) -> list[tuple[int, int, str, str]]:
    """Return row, line, column and code of everything that refuses a job's rows."""
    errors = BulkUploadRowError.objects.filter(job=job, severity="ERROR")
    rows = errors.order_by("row", "position")
    return list(rows.values_list("row", "line", "column", "code"))


def stored_skus(user: User) -> list[str | None]:
    """Return the SKUs of a user's products, in order."""
    return list(Product.objects.filter(user=user).order_by("sku").values_list("sku", flat=True))
