"""Sending a table and doing all the work it makes, in this process."""

import io
from typing import Any

from django.utils import timezone

from accounts.models import OwnerScope, User
from bulkupload import selectors
from bulkupload.models import BulkUploadChunk, BulkUploadJob, BulkUploadRowError
from bulkupload.selectors import Progress
from bulkupload.services import chunks, jobs, planning
from bulkupload.services.jobs import Table


def send(user: User, body: bytes | str, **options: Any) -> BulkUploadJob:
    """Start a job for a table."""
    raw = body.encode() if isinstance(body, str) else body
    scope = options.pop("scope", OwnerScope(user_id=user.pk))
    filename = options.pop("filename", "products.csv")
    table = Table(body=io.BytesIO(raw), size=len(raw), filename=filename, **options)
    return jobs.start(user=user, scope=scope, table=table)


def work_off(job: BulkUploadJob) -> BulkUploadJob:
    """Plan the job and import its chunks in order."""
    planning.plan(job.pk)
    for pk in chunk_ids(job):
        chunks.import_rows(pk)
    job.refresh_from_db()
    return job


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


def progress(job: BulkUploadJob) -> Progress:
    """Return how far a job is."""
    return selectors.progress_of([job], now=timezone.now())[job.pk]


def faults(job: BulkUploadJob) -> list[tuple[int, int, str, str]]:
    """Return row, line, column and code of everything wrong with a job's rows."""
    rows = BulkUploadRowError.objects.filter(job=job).order_by("row", "position")
    return list(rows.values_list("row", "line", "column", "code"))
