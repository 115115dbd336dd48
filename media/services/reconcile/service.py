"""One pass over the bucket and the rows, in key order, in steps (docs/design/reconcile.md).

How old an unknown object must be is `UNKNOWN_GRACE` (media/rules/limits.py).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

import structlog
from django.db import transaction

from media.actions import MediaAction
from media.errors import EmptyBucketError
from media.models import ReconcileReport, ReconcileState
from media.rules import limits
from media.rules.failures import ObjectLoss
from media.services import resources
from media.services.cleanup.grace import MAX_CLOCK_DIFFERENCE, database_now, require_grace
from media.services.cleanup.report import (
    BATCH_SIZE,
    MAX_SAMPLES,
    UNLIMITED,
    ProgressCallback,
    ignore_progress,
)
from media.services.environment import require_own_environment
from media.services.reconcile import lost_objects, passes, unknown_objects
from media.services.reconcile.comparison import (
    PREFIX,
    Differences,
    Range,
    compare,
    has_ready_row,
    last_row_key,
)
from media.storage import ObjectListing, ObjectStore
from sartiq.core import events
from sartiq.core.work.exclusive import exclusive

log = structlog.get_logger(__name__)

MAX_RETRIES: Final = 100  # rows queued again in one batch


@dataclass(frozen=True, kw_only=True)
class _Step:
    """A part of a pass: what it may change, and from which age."""

    store: ObjectStore
    report: ReconcileReport
    executes: bool
    objects_before: datetime  # by the store's clock
    rows_before: datetime  # by the database's


def reconcile(
    *,
    store: ObjectStore,
    older_than: timedelta = limits.UNKNOWN_GRACE,
    limit: int | None = None,
    execute: bool = False,
    resume: bool = False,
    confirm_lost: int | None = None,
    on_progress: ProgressCallback = ignore_progress,
) -> ReconcileReport:
    """Compare the bucket with the rows, to the end or up to `limit` objects; return the report.

    Without `execute` nothing changes and the report is not saved. With `resume` an unfinished pass
    is continued. `confirm_lost` is the number of losses for which the last pass was stopped.
    Raises GraceTooShortError, ForeignEnvironmentError, EmptyBucketError, LostNotConfirmedError,
    AlreadyRunningError, StoreUnavailableError.
    """
    require_grace(older_than)
    require_own_environment()
    with exclusive("media.reconcile"):
        if confirm_lost is not None and execute:
            passes.confirm_lost(confirm_lost)
        now = database_now()
        clock = store.clock() or now
        report = passes.begin(resume=resume) if execute else passes.new_report()
        step = _Step(
            store=store,
            report=report,
            executes=execute,
            objects_before=clock - older_than,
            rows_before=now - MAX_CLOCK_DIFFERENCE,
        )
        _run(step, max_objects=UNLIMITED if limit is None else limit, on_progress=on_progress)
    return report


def _run(step: _Step, *, max_objects: int, on_progress: ProgressCallback) -> None:
    report = step.report
    listed = step.store.list(PREFIX, after=report.cursor or None, limit=UNLIMITED)
    while max_objects > 0:
        size = min(BATCH_SIZE, max_objects)
        batch = list(islice(listed, size))
        is_last = len(batch) < size
        is_empty = is_last and not batch and not report.objects_compared
        if is_empty and has_ready_row():
            raise EmptyBucketError
        _compare(step, batch, is_last=is_last)
        on_progress(len(batch))
        max_objects -= len(batch)
        if is_last:
            _finish(step)
            return


def _compare(step: _Step, batch: Sequence[ObjectListing], *, is_last: bool) -> None:
    """Compare one batch, act on the differences, and record how far the pass has come."""
    report = step.report
    row_cursor = last_row_key(batch, default=report.row_cursor)
    rows_in: Range | None = None
    if is_last:  # only here are there rows behind the last object
        rows_in = Range(after=report.row_cursor, until=None)
    elif row_cursor != report.row_cursor:
        rows_in = Range(after=report.row_cursor, until=row_cursor)
    differences = compare(
        batch,
        rows_in,
        rows_before=step.rows_before,
        max_suspects=max(report.max_lost - report.lost, 0) + MAX_SAMPLES,
    )
    report.objects_compared += len(batch)
    report.rows_compared += differences.rows
    _mark_lost(step, differences)
    _retry_found_again(step, differences)
    unknown = [
        listing for listing in differences.unknown if listing.last_modified < step.objects_before
    ]
    report.recorded += len(unknown)
    _add_samples(report, "unknown", (listing.key for listing in unknown))
    report.cursor = batch[-1].key if batch else report.cursor
    report.row_cursor = row_cursor
    if step.executes:
        with transaction.atomic():
            unknown_objects.record(unknown)
            report.save()


def _mark_lost(step: _Step, differences: Differences) -> None:
    """Mark confirmed losses as FAILED, up to the limit of the pass."""
    report = step.report
    suspects = differences.suspects
    count = len(suspects) + differences.further_losses.total()
    if report.lost + count > report.max_lost:
        report.only_counts = True
    # After the limit, the listing is enough to count.
    losses = suspects if report.only_counts else lost_objects.confirmed(step.store, suspects)
    counts = Counter(code for _, code in losses) + differences.further_losses
    report.missing += counts[ObjectLoss.MISSING]
    report.changed += counts[ObjectLoss.CHANGED]
    for code in ObjectLoss:
        _add_samples(report, code, (row.storage_key for row, loss in losses if loss == code))
    if step.executes and not report.only_counts:
        report.failed += lost_objects.mark(losses)


def _retry_found_again(step: _Step, differences: Differences) -> None:
    """Queue FAILED rows whose object is back; the relocation verifies it."""
    for row in differences.found_again[:MAX_RETRIES]:
        if not step.executes or resources.retry(row):
            step.report.returned += 1


def _add_samples(report: ReconcileReport, name: str, names: Iterable[str]) -> None:
    samples = report.samples.get(name, [])
    samples += islice(names, MAX_SAMPLES - len(samples))
    if samples:
        report.samples[name] = samples


def _finish(step: _Step) -> None:
    report = step.report
    if report.lost <= report.max_lost:
        report.state = ReconcileState.COMPLETED
    else:
        report.state = ReconcileState.STOPPED
        log.error("reconcile_stopped", lost=report.lost, allowed=report.max_lost)
    report.finished_at = database_now()
    if not step.executes:
        return
    with transaction.atomic():
        if report.state == ReconcileState.COMPLETED:
            unknown_objects.report_unchanged(report)
        report.save()
        counts = ("missing", "changed", "failed", "returned", "recorded", "reported")
        details = {name: getattr(report, name) for name in counts}
        events.record(MediaAction.RECONCILE_FINISHED, report, state=report.state.lower(), **details)
