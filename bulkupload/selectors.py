"""Queries for bulk uploads and photo batches: those a user may see, progress and errors."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import reduce
from itertools import groupby
from math import ceil
from operator import attrgetter, or_
from typing import Any
from uuid import UUID

from django.db.models import Aggregate, Count, F, Func, IntegerField, Max, Q, QuerySet, Sum

from accounts.models import OwnerScope, User
from bulkupload.errors import JobNotFoundError, PhotoBatchNotFoundError, PhotoNotFoundError
from bulkupload.models import (
    TABLE_ROW,
    BulkUploadChunk,
    BulkUploadJob,
    BulkUploadMediaBatch,
    BulkUploadRowError,
    PhotoBatch,
    PhotoFile,
    PhotoStatus,
)
from bulkupload.rules.limits import MIB
from bulkupload.rules.rows.repeated_skus import REPEATED_SKU

PAGE_SIZE = 2000  # errors in memory at once while all of them are streamed
PAGE_BYTES = 4 * MIB  # of the cells of their rows
CELL_BYTES = Func(F("cells"), function="octet_length", output_field=IntegerField())
ROW_OUTCOMES = ("created", "updated", "unchanged", "failed")
IMAGE_STATES = ("pending", "ready", "failed")
UNATTACHED = (PhotoStatus.WAITING, PhotoStatus.UPLOADED)
IN_WORK = (*UNATTACHED, PhotoStatus.INGESTED, PhotoStatus.ATTACHED)
RATE_WINDOW = timedelta(minutes=5)  # over which the rate of a running photo batch is measured
NO_ROWS = Q(pk__isnull=True)


@dataclass(frozen=True, kw_only=True)
class MediaCounts:
    """How many images are pending, ready and failed, without those that later rows replaced."""

    pending: int = 0
    ready: int = 0
    failed: int = 0


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The progress of a job, which counts each row in the transaction that imports it.

    `seconds_left` is an estimate for the remaining rows or, after the last row, for the images.
    """

    total: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0
    rows_per_second: float | None = None
    seconds_left: int | None = None
    media: MediaCounts = MediaCounts()

    @property
    def processed(self) -> int:
        """The number of rows with an outcome."""
        return self.created + self.updated + self.unchanged + self.failed


def visible_to(user: User) -> QuerySet[BulkUploadJob]:
    """Return every job the caller may see, oldest first."""
    rows: QuerySet[BulkUploadJob] = BulkUploadJob.objects.visible_to(user)
    return rows.order_by("created_at", "id")


def in_scope(scope: OwnerScope) -> QuerySet[BulkUploadJob]:
    """Return one owner's jobs, oldest first."""
    rows: QuerySet[BulkUploadJob] = BulkUploadJob.objects.in_scope(scope)
    return rows.order_by("created_at", "id")


def get_visible(user: User, job_id: UUID) -> BulkUploadJob:
    """Return one job; raise JobNotFoundError if the caller may not see it."""
    job = visible_to(user).filter(pk=job_id).first()
    if job is None:
        raise JobNotFoundError
    return job


def progress_of(jobs: Iterable[BulkUploadJob], *, now: datetime) -> dict[UUID, Progress]:
    """Return the progress of each job, in two queries for any number of them."""
    rows = list(jobs)
    sums: dict[str, Aggregate] = {name: Sum(name) for name in (*ROW_OUTCOMES, "images_refused")}
    row_totals = _totals(BulkUploadChunk.objects.all(), rows, sums | {"last": Max("finished_at")})
    image_sums: dict[str, Aggregate] = {name: Sum(name) for name in IMAGE_STATES}
    recent = Sum(F("ready") + F("failed"), filter=_after_last_row(rows, row_totals))
    batches = BulkUploadMediaBatch.objects.all()
    image_totals = _totals(batches, rows, image_sums | {"recent": recent})
    return {
        job.pk: _progress(job, row_totals.get(job.pk, {}), image_totals.get(job.pk, {}), now)
        for job in rows
    }


def _totals(
    parts: "QuerySet[BulkUploadChunk] | QuerySet[BulkUploadMediaBatch]",
    jobs: list[BulkUploadJob],
    aggregates: dict[str, Aggregate],
) -> dict[UUID, dict[str, Any]]:
    rows: Any = parts.filter(job__in=[job.pk for job in jobs]).order_by()
    annotations = {f"all_{name}": total for name, total in aggregates.items()}
    totals = rows.values_list("job_id").annotate(**annotations)
    return {job_id: dict(zip(aggregates, values, strict=True)) for job_id, *values in totals}


def _after_last_row(jobs: list[BulkUploadJob], row_totals: dict[UUID, dict[str, Any]]) -> Q:
    """Return the condition for batches that changed after the last row of their job was imported.

    Only batches have a time, so all images of such a batch are counted.
    """
    running = [job.pk for job in jobs if not job.is_finished]
    last_times = {pk: row_totals.get(pk, {}).get("last") for pk in running}
    conditions = (Q(job=pk, updated_at__gt=last) for pk, last in last_times.items() if last)
    return reduce(or_, conditions, NO_ROWS)


def _progress(
    job: BulkUploadJob, row_totals: dict[str, Any], image_totals: dict[str, Any], now: datetime
) -> Progress:
    if job.planned_at is None:  # the chunks may be newer than this copy of the job
        return Progress()
    rows = {name: row_totals.get(name, 0) for name in ROW_OUTCOMES}
    images = {name: image_totals.get(name, 0) for name in IMAGE_STATES}
    images["failed"] += row_totals.get("images_refused", 0)
    counts = Progress(total=job.total_rows, media=MediaCounts(**images), **rows)
    if job.started_at is None or not counts.processed:
        return counts
    until = job.finished_at or now
    last = row_totals["last"] or until
    rows_left = counts.total - counts.processed
    rate = counts.processed / _seconds(job.started_at, until if rows_left else last)
    if job.is_finished:
        seconds_left = None
    elif rows_left:
        seconds_left = ceil(rows_left / rate)
    else:
        recent = image_totals.get("recent")
        seconds_left = _seconds_for_images(counts.media.pending, recent, _seconds(last, now))
    return replace(counts, rows_per_second=round(rate, 1), seconds_left=seconds_left)


def _seconds_for_images(pending: int, finished: int | None, elapsed: float) -> int | None:
    """Return the estimated seconds for the pending images, None while that is unknown."""
    if not pending:
        return 0
    return ceil(pending * elapsed / finished) if finished else None


def _seconds(since: datetime, until: datetime) -> float:
    return max((until - since) / timedelta(seconds=1), 0.001)


def errors_of(job: BulkUploadJob) -> QuerySet[BulkUploadRowError]:
    """Return the errors of a job by row, without the cells of the rows."""
    errors = BulkUploadRowError.objects.filter(job=job).order_by("row", "position")
    return errors.defer("cells")


def refused_rows(job: BulkUploadJob) -> Iterator[list[BulkUploadRowError]]:
    """Yield the errors of each refused row, reading them page by page, without an open cursor."""
    after = TABLE_ROW
    while (last := _last_of_page(job, after)) is not None:
        page = _correctable(job).defer(None).filter(row__gt=after, row__lte=last)
        for _, errors in groupby(page, key=attrgetter("row")):
            yield list(errors)
        after = last


def has_refused_rows(job: BulkUploadJob) -> bool:
    """Whether a job has rows that can be sent again."""
    return _correctable(job).exists()


def _correctable(job: BulkUploadJob) -> QuerySet[BulkUploadRowError]:
    """Return the errors that users can correct in a row: not table warnings or repeated SKUs."""
    return errors_of(job).filter(row__gt=TABLE_ROW).exclude(code=REPEATED_SKU)


def _last_of_page(job: BulkUploadJob, after: int) -> int | None:
    """Return the last row of the next page, None after the last page.

    Pages are limited in bytes as well, since a row may have 1 MiB.
    """
    errors = _correctable(job).filter(row__gt=after).annotate(size=CELL_BYTES)
    last, total = None, 0
    for row, size in errors.values_list("row", "size")[:PAGE_SIZE]:
        total += size
        if last is not None and row != last and total > PAGE_BYTES:
            break
        last = row
    return last


def top_errors(job: BulkUploadJob, *, limit: int = 10) -> list[tuple[str, str, int]]:
    """Return the code, the column and the number of the most frequent errors of a job."""
    rows = BulkUploadRowError.objects.filter(job=job).order_by()
    counts = rows.values_list("code", "column").annotate(times=Count("pk"))
    return list(counts.order_by("-times", "code", "column")[:limit])


def error_counts(jobs: Iterable[BulkUploadJob]) -> dict[UUID, int]:
    """Return the number of errors and warnings of each job that has any."""
    rows = BulkUploadRowError.objects.filter(job__in=[job.pk for job in jobs]).order_by()
    return dict(rows.values_list("job_id").annotate(total=Count("pk")))


def table_warnings(job: BulkUploadJob) -> list[str]:
    """Return the warnings about a job's table as a whole."""
    rows = BulkUploadRowError.objects.filter(job=job, row=TABLE_ROW).order_by("position")
    return list(rows.values_list("message", flat=True))


@dataclass(frozen=True, kw_only=True)
class BatchProgress:
    """The number of photos in each state, and an estimate; `undecided` ones have no product."""

    counts: Mapping[str, int]
    undecided: int = 0
    photos_per_second: float | None = None
    seconds_left: int | None = None


def batches_in_scope(scope: OwnerScope) -> QuerySet[PhotoBatch]:
    """Return one owner's photo batches, oldest first."""
    rows: QuerySet[PhotoBatch] = PhotoBatch.objects.in_scope(scope)
    return rows.order_by("created_at", "id")


def get_visible_batch(user: User, batch_id: UUID) -> PhotoBatch:
    """Return one photo batch; raise PhotoBatchNotFoundError if the caller may not see it."""
    batch: PhotoBatch | None = PhotoBatch.objects.visible_to(user).filter(pk=batch_id).first()
    if batch is None:
        raise PhotoBatchNotFoundError
    return batch


def get_photo(batch: PhotoBatch, photo_id: UUID) -> PhotoFile:
    """Return one photo of a batch; raise PhotoNotFoundError if it has no such photo."""
    photo: PhotoFile | None = PhotoFile.objects.filter(batch=batch, pk=photo_id).first()
    if photo is None:
        raise PhotoNotFoundError
    return photo


def photos_of(batch: PhotoBatch, *, status: str | None = None) -> QuerySet[PhotoFile]:
    """Return the photos of a batch by path, optionally those with one status."""
    rows = PhotoFile.objects.filter(batch=batch).order_by("path")
    return rows if status is None else rows.filter(status=status)


def progress_of_batches(
    batches: Iterable[PhotoBatch], *, now: datetime
) -> dict[UUID, BatchProgress]:
    """Return the progress of each photo batch, in one query for any number of them."""
    rows = list(batches)
    files = PhotoFile.objects.filter(batch__in=[batch.pk for batch in rows]).order_by()
    undecided = Count("pk", filter=Q(product_id__isnull=True, status__in=UNATTACHED))
    recent = Count("pk", filter=Q(status=PhotoStatus.READY, finished_at__gte=now - RATE_WINDOW))
    groups = files.values_list("batch_id", "status").annotate(
        Count("pk"), undecided=undecided, recent=recent
    )
    by_batch: dict[UUID, list[tuple[str, int, int, int]]] = {batch.pk: [] for batch in rows}
    for batch_id, *group in groups:
        by_batch[batch_id].append(tuple(group))
    return {batch.pk: _batch_progress(batch, by_batch[batch.pk], now) for batch in rows}


def _batch_progress(
    batch: PhotoBatch, groups: Iterable[tuple[str, int, int, int]], now: datetime
) -> BatchProgress:
    counts = {status: photos for status, photos, _, _ in groups}
    undecided = sum(without_product for _, _, without_product, _ in groups)
    progress = BatchProgress(counts=counts, undecided=undecided)
    if batch.started_at is None:
        return progress
    finished, since = counts.get(PhotoStatus.READY, 0), batch.started_at
    if not batch.is_finished:  # it may have waited for uploads, or been retried days later
        finished = sum(recent for *_, recent in groups)
        since = max(since, now - RATE_WINDOW)
    if not finished:
        return progress
    rate = finished / _seconds(since, batch.finished_at or now)
    remaining = sum(counts.get(status, 0) for status in IN_WORK) - undecided
    return replace(
        progress,
        photos_per_second=round(rate, 1),
        seconds_left=None if batch.is_finished else ceil(remaining / rate),
    )
