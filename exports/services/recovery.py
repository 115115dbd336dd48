"""Telling the workers again of what waits: the broker may have lost or never got the hint."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from exports.models import ExportItem, ExportRun
from exports.services import dispatch
from sartiq.core.publishing import send

MOST_AT_ONCE = 100  # rows a run; the next run takes the next ones


def resend() -> int:
    """Send what waits and nobody works on; return how many."""
    now = timezone.now()
    told_before = now - timedelta(seconds=settings.RESEND_AFTER_SECONDS)
    items = ExportItem.objects.waiting(sent_before=told_before).order_by("sent_at")
    due: list[UUID] = list(items.values_list("pk", flat=True)[:MOST_AT_ONCE])
    sent = [pk for pk in due if send("exports.convert", item_id=str(pk))]
    ExportItem.objects.filter(pk__in=sent).update(sent_at=now)
    running = ExportRun.objects.with_items_left().order_by("created_at")
    new = sum(dispatch.top_up(pk) for pk in running.values_list("pk", flat=True)[:MOST_AT_ONCE])
    runs = ExportRun.objects.waiting(sent_before=told_before).order_by("created_at")
    ready: list[UUID] = list(runs.values_list("pk", flat=True)[:MOST_AT_ONCE])
    packed = [pk for pk in ready if send("exports.assemble", run_id=str(pk))]
    ExportRun.objects.filter(pk__in=packed).update(sent_at=now)
    return len(sent) + new + len(packed)
