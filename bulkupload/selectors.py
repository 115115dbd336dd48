"""What is known of bulk uploads: their progress, their errors, who may see them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Func, IntegerField, QuerySet, Sum

from accounts.models import OwnerScope, User
from bulkupload.errors import JobNotFoundError
from bulkupload.models import (
    BulkUploadChunk,
    BulkUploadJob,
    BulkUploadMediaBatch,
    BulkUploadRowError,
)
from bulkupload.rules.limits import MIB

PAGE = 2000  # errors read at a time when all of them are streamed
PAGE_BYTES = 4 * MIB  # of their rows
OCTETS = Func(F("cells"), function="octet_length", output_field=IntegerField())
COUNTED = ("created", "updated", "unchanged", "failed")
MEDIA = ("pending", "ready", "failed")


@dataclass(frozen=True, kw_only=True)
class MediaCounts:
    """How many pictures stand where; those a later row replaced are not counted."""

    pending: int = 0
    ready: int = 0
    failed: int = 0


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a job is: every row is counted once, in the transaction that decided it."""

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
        """How many rows have their outcome."""
        return self.created + self.updated + self.unchanged + self.failed


def visible_to(user: User) -> QuerySet[BulkUploadJob]:
    """Return every job the caller may see, oldest first."""
    rows: QuerySet[BulkUploadJob] = BulkUploadJob.objects.visible_to(user)
    return rows.order_by("created_at", "id")


def in_scope(scope: OwnerScope) -> QuerySet[BulkUploadJob]:
    """Return one owner's jobs, oldest first."""
    rows: QuerySet[BulkUploadJob] = BulkUploadJob.objects.in_scope(scope)
    return rows.order_by("created_at", "id")


def one_visible_to(user: User, job_id: UUID) -> BulkUploadJob:
    """Return one job; a foreign one is not found."""
    found = visible_to(user).filter(pk=job_id).first()
    if found is None:
        raise JobNotFoundError
    return found


def progress_of(jobs: Iterable[BulkUploadJob], *, now: datetime) -> dict[UUID, Progress]:
    """Return how far each job is: two queries for any number of them."""
    rows = list(jobs)
    counted = _sums(BulkUploadChunk.objects.all(), rows, (*COUNTED, "images_refused"))
    media = _sums(BulkUploadMediaBatch.objects.all(), rows, MEDIA)
    return {
        job.pk: _progress(job, counted.get(job.pk, {}), media.get(job.pk, {}), now) for job in rows
    }


def _sums(
    parts: "QuerySet[BulkUploadChunk] | QuerySet[BulkUploadMediaBatch]",
    jobs: list[BulkUploadJob],
    names: tuple[str, ...],
) -> dict[UUID, dict[str, int]]:
    rows: Any = parts.filter(job__in=[job.pk for job in jobs]).order_by()
    sums = rows.values_list("job_id").annotate(*(Sum(name) for name in names))
    return {job_id: dict(zip(names, sums_of, strict=True)) for job_id, *sums_of in sums}


def _progress(
    job: BulkUploadJob, counted: dict[str, int], media: dict[str, int], now: datetime
) -> Progress:
    if job.planned_at is None:  # when the row was read; its chunks may have come, and gone, since
        return Progress()
    rows = {name: counted.get(name, 0) for name in COUNTED}
    pictures = {name: media.get(name, 0) for name in MEDIA}
    pictures["failed"] += counted.get("images_refused", 0)
    plain = Progress(total=job.total_rows, media=MediaCounts(**pictures), **rows)
    if job.started_at is None or not plain.processed:
        return plain
    took = (job.finished_at or now) - job.started_at
    rate = plain.processed / max(took / timedelta(seconds=1), 0.001)
    left = None if job.is_finished else round((plain.total - plain.processed) / rate)
    return replace(plain, rows_per_second=round(rate, 1), seconds_left=left)


def errors_of(job: BulkUploadJob) -> QuerySet[BulkUploadRowError]:
    """Return what is wrong with a job's rows, by row; the rows themselves are left out."""
    errors = BulkUploadRowError.objects.filter(job=job).order_by("row", "position")
    return errors.defer("cells")


def refused_rows(job: BulkUploadJob) -> Iterator[list[BulkUploadRowError]]:
    """Yield the errors of each refused row, page by page: no cursor stays open, nothing grows."""
    after = -1
    while (last := _last_of_page(job, after)) is not None:
        page = errors_of(job).defer(None).filter(row__gt=after, row__lte=last)
        for _, errors in groupby(page, key=attrgetter("row")):
            yield list(errors)
        after = last


def _last_of_page(job: BulkUploadJob, after: int) -> int | None:
    """Return the row a page may end with, None after the last one: a row may be 1 MiB long."""
    errors = errors_of(job).filter(row__gt=after).annotate(size=OCTETS)
    last, total = None, 0
    for row, size in errors.values_list("row", "size")[:PAGE]:
        total += size
        if last is not None and row != last and total > PAGE_BYTES:
            break
        last = row
    return last


def top_errors(job: BulkUploadJob, *, most: int = 10) -> list[tuple[str, str, int]]:
    """Return the commonest errors of a job: code, column, how many."""
    rows = BulkUploadRowError.objects.filter(job=job).order_by()
    counted = rows.values_list("code", "column").annotate(times=Count("pk"))
    return list(counted.order_by("-times", "code", "column")[:most])
