"""Enqueueing of a run's files, a few at a time, so that a large export never fills the queue."""

from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from exports import enqueue
from exports.models import ExportItem, ExportRun

MAX_ENQUEUED: Final = 32  # files of one run in the queue at the same time


def send_next(run_id: UUID, *, limit: int = 1) -> int:
    """Enqueue the next files that were never enqueued; return how many."""
    with transaction.atomic():
        rows = ExportItem.objects.not_enqueued().filter(run_id=run_id).order_by("position")
        ids = [row.pk for row in rows.select_for_update(skip_locked=True, no_key=True)[:limit]]
        ExportItem.objects.filter(pk__in=ids).update(sent_at=timezone.now())
        for pk in ids:
            enqueue.convert_item(pk)
    return len(ids)


def top_up(run_id: UUID) -> int:
    """Enqueue files of a run until MAX_ENQUEUED are in the queue; return how many were added."""
    enqueued = ExportItem.objects.due().filter(run_id=run_id, sent_at__isnull=False).count()
    return send_next(run_id, limit=MAX_ENQUEUED - enqueued) if enqueued < MAX_ENQUEUED else 0


def runs_to_top_up() -> QuerySet[ExportRun]:
    """Return the runs of which `top_up` would enqueue files."""
    items = ExportItem.objects.filter(run=OuterRef("pk")).order_by()
    enqueued = items.due().filter(sent_at__isnull=False)
    last_enqueued = enqueued[MAX_ENQUEUED - 1 : MAX_ENQUEUED]
    runs = ExportRun.objects.unfinished().filter(Exists(items.not_enqueued()))
    return runs.exclude(Exists(last_enqueued))


def advance(run_id: UUID) -> None:
    """Enqueue the next file, or the packing of the run when no file is unfinished."""
    if not ExportItem.objects.unfinished().filter(run_id=run_id).exists():
        enqueue.assemble(run_id)
    else:
        send_next(run_id)
