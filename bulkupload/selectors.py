"""Reading bulk uploads: who may see them, their progress and their errors."""

from collections.abc import Iterable, Iterator
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
from bulkupload.errors import JobNotFoundError
from bulkupload.models import (
    TABLE_ROW,
    BulkUploadChunk,
    BulkUploadJob,
    BulkUploadMediaBatch,
    BulkUploadRowError,
)
from bulkupload.rules.limits import MIB
from bulkupload.rules.rows.repeated_skus import REPEATED_SKU

PAGE_SIZE = 2000  # errors that are read at once when all of them are streamed
PAGE_BYTES = 4 * MIB  # of their rows
CELL_BYTES = Func(F("cells"), function="octet_length", output_field=IntegerField())
COUNTED = ("created", "updated", "unchanged", "failed")
MEDIA = ("pending", "ready", "failed")
NO_ROWS = Q(pk__isnull=True)


@dataclass(frozen=True, kw_only=True)
class MediaCounts:
    """How many pictures are pending, ready and failed, without those that later rows replaced."""

    pending: int = 0
    ready: int = 0
    failed: int = 0


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The progress of a job: each row is counted once, in the transaction that imported it.

    `seconds_left` is about the rows first, and then about their pictures.
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
    sums: dict[str, Aggregate] = {name: Sum(name) for name in (*COUNTED, "images_refused")}
    counted = _totals(BulkUploadChunk.objects.all(), rows, sums | {"last": Max("finished_at")})
    pictures: dict[str, Aggregate] = {name: Sum(name) for name in MEDIA}
    recent = Sum(F("ready") + F("failed"), filter=_after_rows(rows, counted))
    media = _totals(BulkUploadMediaBatch.objects.all(), rows, pictures | {"recent": recent})
    return {
        job.pk: _progress(job, counted.get(job.pk, {}), media.get(job.pk, {}), now) for job in rows
    }


def _totals(
    parts: "QuerySet[BulkUploadChunk] | QuerySet[BulkUploadMediaBatch]",
    jobs: list[BulkUploadJob],
    aggregates: dict[str, Aggregate],
) -> dict[UUID, dict[str, Any]]:
    rows: Any = parts.filter(job__in=[job.pk for job in jobs]).order_by()
    annotations = {f"all_{name}": total for name, total in aggregates.items()}
    totals = rows.values_list("job_id").annotate(**annotations)
    return {job_id: dict(zip(aggregates, of_job, strict=True)) for job_id, *of_job in totals}


def _after_rows(jobs: list[BulkUploadJob], counted: dict[UUID, dict[str, Any]]) -> Q:
    """Return the condition for batches that changed after the last row was imported.

    Only batches have a time: all pictures of such a batch count.
    """
    running = [job.pk for job in jobs if not job.is_finished]
    since = {pk: counted[pk]["last"] for pk in running if pk in counted and counted[pk]["last"]}
    return reduce(or_, (Q(job=pk, updated_at__gt=last) for pk, last in since.items()), NO_ROWS)


def _progress(
    job: BulkUploadJob, counted: dict[str, Any], media: dict[str, Any], now: datetime
) -> Progress:
    # As of when the row was read; chunks may have been created and imported since.
    if job.planned_at is None:
        return Progress()
    rows = {name: counted.get(name, 0) for name in COUNTED}
    pictures = {name: media.get(name, 0) for name in MEDIA}
    pictures["failed"] += counted.get("images_refused", 0)
    counts = Progress(total=job.total_rows, media=MediaCounts(**pictures), **rows)
    if job.started_at is None or not counts.processed:
        return counts
    until = job.finished_at or now
    last = counted["last"] or until
    rows_left = counts.total - counts.processed
    rate = counts.processed / _seconds(job.started_at, until if rows_left else last)
    if job.is_finished:
        left = None
    elif rows_left:
        left = ceil(rows_left / rate)
    else:
        left = _pictures_left(counts.media.pending, media.get("recent"), _seconds(last, now))
    return replace(counts, rows_per_second=round(rate, 1), seconds_left=left)


def _pictures_left(pending: int, ended: int | None, took: float) -> int | None:
    """Return the seconds that the pictures still take, None while that is unknown."""
    if not pending:
        return 0
    return ceil(pending * took / ended) if ended else None


def _seconds(since: datetime, until: datetime) -> float:
    return max((until - since) / timedelta(seconds=1), 0.001)


def errors_of(job: BulkUploadJob) -> QuerySet[BulkUploadRowError]:
    """Return the errors of a job by row, without the cells of the rows."""
    errors = BulkUploadRowError.objects.filter(job=job).order_by("row", "position")
    return errors.defer("cells")


def refused_rows(job: BulkUploadJob) -> Iterator[list[BulkUploadRowError]]:
    """Yield the errors of each refused row, page by page, without an open cursor."""
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
    """Return the errors that a corrected row can avoid: not those of the table or repeated SKUs."""
    return errors_of(job).filter(row__gt=TABLE_ROW).exclude(code=REPEATED_SKU)


def _last_of_page(job: BulkUploadJob, after: int) -> int | None:
    """Return the last row of the next page, None after the last page: a row may have 1 MiB."""
    errors = _correctable(job).filter(row__gt=after).annotate(size=CELL_BYTES)
    last, total = None, 0
    for row, size in errors.values_list("row", "size")[:PAGE_SIZE]:
        total += size
        if last is not None and row != last and total > PAGE_BYTES:
            break
        last = row
    return last


def top_errors(job: BulkUploadJob, *, most: int = 10) -> list[tuple[str, str, int]]:
    """Return the most frequent errors of a job: code, column, number."""
    rows = BulkUploadRowError.objects.filter(job=job).order_by()
    counted = rows.values_list("code", "column").annotate(times=Count("pk"))
    return list(counted.order_by("-times", "code", "column")[:most])


def error_counts(jobs: Iterable[BulkUploadJob]) -> dict[UUID, int]:
    """Return the number of errors and warnings of each job that has any."""
    rows = BulkUploadRowError.objects.filter(job__in=[job.pk for job in jobs]).order_by()
    return dict(rows.values_list("job_id").annotate(total=Count("pk")))


def table_warnings(job: BulkUploadJob) -> list[str]:
    """Return the warnings about a job's table as a whole."""
    rows = BulkUploadRowError.objects.filter(job=job, row=TABLE_ROW).order_by("position")
    return list(rows.values_list("message", flat=True))
