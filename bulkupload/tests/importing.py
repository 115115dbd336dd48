"""Importing a table with all its tasks run in this process."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.db import connection
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
from bulkupload.services.error_file import error_file
from bulkupload.services.images import attach, finish
from bulkupload.services.jobs import UploadedTable
from bulkupload.services.rows import import_chunk, plan
from catalog.models import Product
from media.tests.factories import drain

TABLE = "sku,name\n" + "".join(f"S{n},Name {n}\n" for n in range(20)) + ",bad\n"


class RowCounts(NamedTuple):
    """How many rows of a job ended in each way."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0


class ImageCounts(NamedTuple):
    """How many images of a job have each status."""

    pending: int = 0
    ready: int = 0
    failed: int = 0


def start_job(user: User, body: bytes | str, **options: Any) -> BulkUploadJob:
    """Start a job for a table."""
    raw = body.encode() if isinstance(body, str) else body
    scope = options.pop("scope", OwnerScope(user_id=user.pk))
    filename = options.pop("filename", "products.csv")
    table = UploadedTable(body=io.BytesIO(raw), size=len(raw), filename=filename, **options)
    return jobs.start(user=user, scope=scope, table=table)


def run_job(job: BulkUploadJob) -> BulkUploadJob:
    """Plan the job, import its chunks in order, and attach its images."""
    plan.plan_chunks(job.pk)
    for pk in chunk_ids(job):
        import_chunk.import_rows(pk)
    attach_all(job)
    job.refresh_from_db()
    return job


def attach_all(job: BulkUploadJob) -> None:
    """Attach the images of a job, with every message delivered twice."""
    for pk in batch_ids(job) * 2:
        attach.attach(pk)
    if BulkUploadMedia.objects.filter(job=job).exists():
        drain()
        finish.finish_job(job.pk)


def batch_ids(job: BulkUploadJob) -> list[Any]:
    """Return the batches of a job in order."""
    rows = BulkUploadMediaBatch.objects.filter(job=job).order_by("created_at", "pk")
    return list(rows.values_list("pk", flat=True))


def import_table(user: User, body: bytes | str, **options: Any) -> BulkUploadJob:
    """Start a job and run it to its end."""
    return run_job(start_job(user, body, **options))


def chunk_ids(job: BulkUploadJob) -> list[Any]:
    """Return the chunks of a job by number."""
    rows = BulkUploadChunk.objects.filter(job=job).order_by("number")
    return list(rows.values_list("pk", flat=True))


def row_counts(job: BulkUploadJob) -> RowCounts:
    current = progress(job)
    return RowCounts(
        created=current.created,
        updated=current.updated,
        unchanged=current.unchanged,
        failed=current.failed,
    )


def image_counts(job: BulkUploadJob) -> ImageCounts:
    media = progress(job).media
    return ImageCounts(pending=media.pending, ready=media.ready, failed=media.failed)


def progress(job: BulkUploadJob) -> Progress:
    """Return the progress of a job now."""
    return progress_of_stale(BulkUploadJob.objects.get(pk=job.pk))


def progress_of_stale(job: BulkUploadJob) -> Progress:
    """Return the progress of a job, given an instance that may be out of date."""
    return selectors.progress_of([job], now=timezone.now())[job.pk]


def errors_of(job: BulkUploadJob) -> list[tuple[int, int, str, str]]:
    """Return row, line, column and code of the errors of a job's rows."""
    errors = BulkUploadRowError.objects.filter(job=job, severity="ERROR")
    rows = errors.order_by("row", "position")
    return list(rows.values_list("row", "line", "column", "code"))


def errors_by_column(job: BulkUploadJob) -> list[tuple[str, str, str]]:
    """Return column, code and value of all errors and warnings of a job."""
    rows = BulkUploadRowError.objects.filter(job=job).order_by("row", "position")
    return list(rows.values_list("column", "code", "value"))


def error_file_of(job: BulkUploadJob) -> bytes:
    """Return the error file of a job."""
    return b"".join(error_file(job))


def stored_skus(user: User) -> list[str | None]:
    """Return the SKUs of a user's products, in order."""
    return list(Product.objects.filter(user=user).order_by("sku").values_list("sku", flat=True))


@contextmanager
def parameter_counts() -> Iterator[list[int]]:
    """Collect the number of parameters of each statement."""
    counts: list[int] = []

    def execute(run: Callable[..., Any], sql: str, params: Any, many: Any, context: Any) -> Any:
        counts.append(len(params or ()))
        return run(sql, params, many, context)

    with connection.execute_wrapper(execute):
        yield counts
