"""Objects under `media/` that belong to no row: they are recorded, and deleted after approval.

A database restored from an older dump knows nothing of newer photos, so nothing here is deleted
without a decision of staff.
"""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.db.models import Sum
from django.db.models.functions import Now

from accounts.models import User
from media import enqueue
from media.actions import MediaAction
from media.errors import ReportNotApprovableError
from media.models import DeletionReason, ReconcileReport, ReconcileState, UnknownObject
from media.services import deletions
from media.services.cleanup.grace import SECOND_PASS_DELAY
from media.services.cleanup.report import BATCH_SIZE, MAX_SAMPLES, ProgressCallback, ignore_progress
from media.services.environment import require_own_environment
from media.services.reconcile.comparison import known_keys
from media.services.reconcile.passes import latest_finished
from media.storage import ObjectListing
from sartiq.core import events
from sartiq.core.models import new_id
from sartiq.core.work.exclusive import exclusive

log = structlog.get_logger(__name__)

# A version that was recorded before keeps its time.
_RECORD = """
INSERT INTO media_unknownobject AS known (
    id, created_at, updated_at, key, etag, size, last_modified, recorded_at, seen_at
)
SELECT id, statement_timestamp(), statement_timestamp(), key, etag, size, last_modified,
    statement_timestamp(), statement_timestamp()
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::bigint[], %s::timestamptz[])
    AS object (id, key, etag, size, last_modified)
ON CONFLICT (key) DO UPDATE SET
    seen_at = excluded.seen_at,
    updated_at = excluded.updated_at,
    etag = excluded.etag,
    size = excluded.size,
    last_modified = excluded.last_modified,
    recorded_at = CASE
        WHEN (known.etag, known.size, known.last_modified)
            = (excluded.etag, excluded.size, excluded.last_modified)
        THEN known.recorded_at
        ELSE excluded.recorded_at
    END
"""


def record(listings: Sequence[ObjectListing]) -> None:
    """Record objects that belong to no row, or that they are still there."""
    if not listings:
        return
    columns: list[list[Any]] = [
        [new_id() for _ in listings],
        [listing.key for listing in listings],
        [listing.etag for listing in listings],
        [listing.size for listing in listings],
        [listing.last_modified for listing in listings],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, columns)


def report_unchanged(report: ReconcileReport) -> None:
    """Put what an earlier pass recorded, an hour ago or more, into the report of a whole pass.

    What this pass did not see is forgotten: a row names it now, or it is gone.
    """
    UnknownObject.objects.filter(seen_at__lt=report.started_at).delete()
    seen = UnknownObject.objects.seen_since(report.started_at)
    unchanged = seen.reportable(recorded_before=report.started_at).filter(
        recorded_at__lt=Now() - SECOND_PASS_DELAY
    )
    report.reported = unchanged.update(report=report)
    if not report.reported:
        return
    reported = UnknownObject.objects.filter(report=report)
    report.reported_bytes = reported.aggregate(total=Sum("size"))["total"] or 0
    names = reported.order_by("key").values_list("key", flat=True)
    report.samples["unknown"] = list(names[:MAX_SAMPLES])
    log.warning("unknown_objects", count=report.reported, size=report.reported_bytes)


def require_approvable(report_id: UUID) -> ReconcileReport:
    """Return the report if its objects may be approved; raises ReportNotApprovableError."""
    latest = latest_finished()
    if latest is None or latest.pk != report_id:
        newer = "" if latest is None else f" The latest one is {latest.pk}."
        raise ReportNotApprovableError(
            f"Only the report of the latest pass can be approved.{newer}"
        )
    if latest.state != ReconcileState.COMPLETED:
        raise ReportNotApprovableError("Too many files are missing: the pass was stopped.")
    if latest.approved_at is not None:
        raise ReportNotApprovableError("This report has been approved already.")
    if not latest.reported:
        raise ReportNotApprovableError("This report has no unknown objects to approve.")
    return latest


def approve(
    report_id: UUID, *, user: User | None = None, on_progress: ProgressCallback = ignore_progress
) -> ReconcileReport:
    """Queue the deletion of the unknown objects of a report, leaving out those a row names now.

    Raises ReportNotApprovableError, ForeignEnvironmentError, AlreadyRunningError.
    """
    require_own_environment()
    with exclusive("media.reconcile"):
        report = require_approvable(report_id)
        objects = UnknownObject.objects.filter(report=report).order_by("key")
        last = ""
        while batch := list(objects.filter(key__gt=last)[:BATCH_SIZE]):
            report.approved += _queue(batch)
            last = batch[-1].key
            on_progress(len(batch))
        with transaction.atomic():
            report.approved_by = user
            report.approved_at = report.updated_at = Now()
            report.save(update_fields=["approved", "approved_by", "approved_at", "updated_at"])
            events.record(MediaAction.RECONCILE_APPROVED, report, count=report.approved)
            enqueue.delete_objects()
    log.warning("unknown_objects_approved", report_id=str(report_id), count=report.approved)
    report.refresh_from_db()
    return report


def _queue(batch: Collection[UnknownObject]) -> int:
    etags = {row.key: row.etag for row in batch}
    with transaction.atomic():
        unneeded = etags.keys() - known_keys(etags)
        deletions.queue(unneeded, reason=DeletionReason.UNKNOWN, etags=etags, notify_workers=False)
    return len(unneeded)
