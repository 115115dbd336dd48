"""Retries of deletions that were given up after their last attempt."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from media import enqueue
from media.actions import MediaAction
from media.models import ObjectDeletion
from media.services.cleanup.grace import database_now
from media.services.cleanup.report import (
    BATCH_SIZE,
    UNLIMITED,
    CleanupReport,
    ProgressCallback,
    ignore_progress,
)
from media.services.environment import require_own_environment
from sartiq.core import events
from sartiq.core.contention import retry_on_contention
from sartiq.core.errors import ContentionError


def retry(
    *,
    older_than: timedelta = timedelta(),
    limit: int | None = None,
    execute: bool = False,
    on_progress: ProgressCallback = ignore_progress,
) -> CleanupReport:
    """Queue deletions again whose last attempt was at least `older_than` ago.

    `discarded` counts those queued. Raises ForeignEnvironmentError, StoreUnavailableError.
    """
    require_own_environment()
    report = CleanupReport(executed=execute)
    before = database_now() - older_than
    remaining = UNLIMITED if limit is None else limit
    last: UUID | None = None
    while remaining > 0:
        rows = _given_up(before).order_by("pk")
        rows = rows if last is None else rows.filter(pk__gt=last)
        batch = list(rows.values_list("pk", "key")[: min(BATCH_SIZE, remaining)])
        if not batch:
            break
        for _, key in batch:
            report.add_candidate(key, 0)
        if execute:
            report.discarded += retry_rows([pk for pk, _ in batch])
        on_progress(len(batch))
        remaining -= len(batch)
        last = batch[-1][0]
    return report


def retry_rows(ids: Collection[UUID]) -> int:
    """Queue these deletions again; return how many.

    One whose object has been queued again since is deleted instead: there is nothing to retry.
    """
    for attempt in retry_on_contention():
        with attempt, transaction.atomic():
            retried = _retry_locked(ids)
    return retried


def _given_up(before: datetime) -> "QuerySet[ObjectDeletion]":
    return ObjectDeletion.objects.given_up().filter(last_attempted_at__lt=before)


def _retry_locked(ids: Collection[UUID]) -> int:
    rows = ObjectDeletion.objects.given_up().filter(pk__among=list(ids)).order_by("pk")
    locked = list(rows.select_for_update(skip_locked=True))
    keys = [row.key for row in locked]
    queued = ObjectDeletion.objects.alive().filter(key__among=keys).values_list("bucket", "key")
    seen = set(queued)
    first: list[ObjectDeletion] = []
    for row in locked:
        if (row.bucket, row.key) not in seen:
            seen.add((row.bucket, row.key))
            first.append(row)
    retried = [row.pk for row in first]
    duplicates = {row.pk for row in locked}.difference(retried)
    if duplicates:
        ObjectDeletion.objects.filter(pk__among=list(duplicates)).delete()
    try:
        ObjectDeletion.objects.filter(pk__among=retried).update(
            dead=False, attempts=0, run_after=None, updated_at=Now()
        )
    except IntegrityError:  # one of the objects was queued at this moment
        raise ContentionError from None
    events.record_each(MediaAction.DELETION_RETRIED, first)
    if first:
        enqueue.delete_objects()
    return len(first)
