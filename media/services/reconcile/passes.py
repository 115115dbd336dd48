"""The rows of passes: where to continue, how many rows may be marked, when the next one is due."""

from datetime import timedelta
from math import ceil
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from media.actions import MediaAction
from media.errors import LostNotConfirmedError
from media.models import MediaResource, ReconcileReport, ReconcileState
from media.services.cleanup.grace import database_now
from media.services.cleanup.report import BATCH_SIZE
from sartiq.core import events

MIN_LOST_LIMIT: Final = 100
MAX_LOST_PERCENT: Final = 1  # of the rows; more stop the pass
PERIOD: Final = timedelta(days=1)  # from the start of one pass to that of the next
STEPS: Final = 20  # in which beat makes a pass; it takes one each hour
RETENTION: Final = timedelta(days=365)

_FINISHED: Final = (ReconcileState.COMPLETED, ReconcileState.STOPPED)


def new_report() -> ReconcileReport:
    """Return the unsaved row of a new pass."""
    previous = latest_finished()
    was_stopped = previous is not None and previous.state == ReconcileState.STOPPED
    confirmed = previous.confirmed_lost if previous is not None and was_stopped else None
    expected = MediaResource.with_deleted.count()
    return ReconcileReport(
        started_at=database_now(),
        rows_expected=expected,
        max_lost=max(MIN_LOST_LIMIT, expected * MAX_LOST_PERCENT // 100, confirmed or 0),
        only_counts=was_stopped and confirmed is None,
    )


def begin(*, resume: bool) -> ReconcileReport:
    """Return the unfinished pass, or a new one in its place without `resume`."""
    running = ReconcileReport.objects.filter(state=ReconcileState.RUNNING)
    with transaction.atomic():
        unfinished = running.first()
        if unfinished is not None and resume:
            return unfinished
        if unfinished is not None:
            # A pass that found too many losses still keeps the next one from marking any.
            stopped = ReconcileState.STOPPED if unfinished.only_counts else ReconcileState.ABANDONED
            running.update(state=stopped, finished_at=Now(), updated_at=Now())
        report = new_report()
        report.save(force_insert=True)
        ReconcileReport.objects.filter(started_at__lt=Now() - RETENTION).delete()
    return report


def latest_finished() -> ReconcileReport | None:
    """Return the report of the last pass that reached the end."""
    reports = ReconcileReport.objects.filter(state__in=_FINISHED)
    return reports.order_by("-started_at").first()


def confirm_lost(count: int, *, report_id: UUID | None = None) -> ReconcileReport:
    """Let the next pass mark as many rows as the stopped one counted; `count` must be that number.

    Raises LostNotConfirmedError.
    """
    report = latest_finished()
    if report is None or report.state != ReconcileState.STOPPED:
        raise LostNotConfirmedError("The last pass was not stopped: there is nothing to confirm.")
    if report_id is not None and report.pk != report_id:
        raise LostNotConfirmedError(f"Only the last stopped pass can be confirmed: {report.pk}.")
    if report.lost != count:
        raise LostNotConfirmedError(f"The stopped pass counted {report.lost} lost files.")
    report.confirmed_lost = count
    with transaction.atomic():
        report.save(update_fields=["confirmed_lost", "updated_at"])
        events.record(MediaAction.RECONCILE_CONFIRMED, report, count=count)
    return report


def next_step() -> int | None:
    """Return how many objects beat's next step compares, None while no pass is due."""
    last = ReconcileReport.objects.order_by("-started_at").first()
    if last is None or last.state == ReconcileState.RUNNING:
        expected = last.rows_expected if last else MediaResource.with_deleted.count()
    elif last.started_at > database_now() - PERIOD and last.confirmed_lost is None:
        return None
    else:
        expected = last.objects_compared // 2
    return max(BATCH_SIZE, ceil(2 * expected / STEPS))  # an image has a thumbnail beside it
