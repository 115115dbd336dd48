"""What is known of bulk uploads: their progress, their errors, who may see them."""

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

PAGE = 2000  # errors read at a time when all of them are streamed
PAGE_BYTES = 4 * MIB  # of their rows
OCTETS = Func(F("cells"), function="octet_length", output_field=IntegerField())
COUNTED = ("created", "updated", "unchanged", "failed")
MEDIA = ("pending", "ready", "failed")
NONE = Q(pk__isnull=True)


@dataclass(frozen=True, kw_only=True)
class MediaCounts:
    """How many pictures stand where; those a later row replaced are not counted."""

    pending: int = 0
    ready: int = 0
    failed: int = 0


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a job is: every row is counted once, in the transaction that decided it.

    `seconds_left` is about the rows while there are some, about their pictures then.
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
    sums: dict[str, Aggregate] = {name: Sum(name) for name in (*COUNTED, "images_refused")}
    counted = _totals(BulkUploadChunk.objects.all(), rows, sums | {"last": Max("finished_at")})
    pictures: dict[str, Aggregate] = {name: Sum(name) for name in MEDIA}
    lately = Sum(F("ready") + F("failed"), filter=_lately(rows, counted))
    media = _totals(BulkUploadMediaBatch.objects.all(), rows, pictures | {"lately": lately})
    return {
        job.pk: _progress(job, counted.get(job.pk, {}), media.get(job.pk, {}), now) for job in rows
    }


def _totals(
    parts: "QuerySet[BulkUploadChunk] | QuerySet[BulkUploadMediaBatch]",
    jobs: list[BulkUploadJob],
    wanted: dict[str, Aggregate],
) -> dict[UUID, dict[str, Any]]:
    rows: Any = parts.filter(job__in=[job.pk for job in jobs]).order_by()
    named = {f"all_{name}": total for name, total in wanted.items()}
    totals = rows.values_list("job_id").annotate(**named)
    return {job_id: dict(zip(wanted, of_job, strict=True)) for job_id, *of_job in totals}


def _lately(jobs: list[BulkUploadJob], counted: dict[UUID, dict[str, Any]]) -> Q:
    """Return the condition of batches with a picture that ended after the last row was done.

    By batch, as pictures keep no time: a batch some of whose pictures ended before counts whole.
    """
    running = [job.pk for job in jobs if not job.is_finished]
    since = {pk: counted[pk]["last"] for pk in running if pk in counted and counted[pk]["last"]}
    return reduce(or_, (Q(job=pk, updated_at__gt=last) for pk, last in since.items()), NONE)


def _progress(
    job: BulkUploadJob, counted: dict[str, Any], media: dict[str, Any], now: datetime
) -> Progress:
    if job.planned_at is None:  # when the row was read; its chunks may have come, and gone, since
        return Progress()
    rows = {name: counted.get(name, 0) for name in COUNTED}
    pictures = {name: media.get(name, 0) for name in MEDIA}
    pictures["failed"] += counted.get("images_refused", 0)
    plain = Progress(total=job.total_rows, media=MediaCounts(**pictures), **rows)
    if job.started_at is None or not plain.processed:
        return plain
    until = job.finished_at or now
    last = counted["last"] or until
    rows_left = plain.total - plain.processed
    rate = plain.processed / _seconds(job.started_at, until if rows_left else last)
    if job.is_finished:
        left = None
    elif rows_left:
        left = ceil(rows_left / rate)
    else:
        left = _pictures_left(plain.media.pending, media.get("lately"), _seconds(last, now))
    return replace(plain, rows_per_second=round(rate, 1), seconds_left=left)


def _pictures_left(pending: int, ended: int | None, took: float) -> int | None:
    """Return the seconds the pictures still take, None while nothing tells."""
    if not pending:
        return 0
    return ceil(pending * took / ended) if ended else None


def _seconds(since: datetime, until: datetime) -> float:
    return max((until - since) / timedelta(seconds=1), 0.001)


def errors_of(job: BulkUploadJob) -> QuerySet[BulkUploadRowError]:
    """Return what is wrong with a job's rows, by row; the rows themselves are left out."""
    errors = BulkUploadRowError.objects.filter(job=job).order_by("row", "position")
    return errors.defer("cells")


def refused_rows(job: BulkUploadJob) -> Iterator[list[BulkUploadRowError]]:
    """Yield the errors of each refused row, page by page: no cursor stays open, nothing grows."""
    after = TABLE_ROW
    while (last := _last_of_page(job, after)) is not None:
        page = _of_rows(job).defer(None).filter(row__gt=after, row__lte=last)
        for _, errors in groupby(page, key=attrgetter("row")):
            yield list(errors)
        after = last


def has_refused_rows(job: BulkUploadJob) -> bool:
    """Whether some row of a job can be sent again."""
    return _of_rows(job).exists()


def _of_rows(job: BulkUploadJob) -> QuerySet[BulkUploadRowError]:
    """Return what a row can be sent again for: neither the whole table nor a repeated SKU."""
    return errors_of(job).filter(row__gt=TABLE_ROW).exclude(code=REPEATED_SKU)


def _last_of_page(job: BulkUploadJob, after: int) -> int | None:
    """Return the row a page may end with, None after the last one: a row may be 1 MiB long."""
    errors = _of_rows(job).filter(row__gt=after).annotate(size=OCTETS)
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


def problems_of(jobs: Iterable[BulkUploadJob]) -> dict[UUID, int]:
    """Return how many errors and warnings each job has; one without any is left out."""
    rows = BulkUploadRowError.objects.filter(job__in=[job.pk for job in jobs]).order_by()
    return dict(rows.values_list("job_id").annotate(total=Count("pk")))


def table_warnings(job: BulkUploadJob) -> list[str]:
    """Return what is to be known about a job's table as a whole."""
    rows = BulkUploadRowError.objects.filter(job=job, row=TABLE_ROW).order_by("position")
    return list(rows.values_list("message", flat=True))
