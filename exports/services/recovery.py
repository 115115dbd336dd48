"""Re-enqueueing of waiting rows: the broker may have lost their task."""

from datetime import datetime

from django.db.models import QuerySet

from exports.models import ExportItem, ExportRun
from exports.services import dispatch
from media.services.health import stores_answer
from sartiq.core.work import resend as resending
from sartiq.core.work.resend import end_outage, waiting_for
from sartiq.core.work.takeover import rows_for

RECOVERY_BATCH_SIZE = 100  # exports per call; the next call takes the next ones


def resend() -> int:
    """Enqueue waiting rows that no worker holds; return how many."""
    end_outage(ExportItem.objects.unfinished(), is_over=stores_answer)
    end_outage(ExportRun.objects.unfinished(), is_over=stores_answer)
    items = resending.resend("exports.convert", "item_id", _waiting_items)
    runs = dispatch.runs_to_top_up().order_by("created_at").values_list("pk", flat=True)
    topped_up = sum(dispatch.top_up(pk) for pk in list(runs[:RECOVERY_BATCH_SIZE]))
    return items + topped_up + resending.resend("exports.assemble", "run_id", _waiting_runs)


@waiting_for("exports.convert")
def _waiting_items(sent_before: datetime) -> QuerySet[ExportItem]:
    return ExportItem.objects.waiting(sent_before=sent_before).order_by("sent_at")


@waiting_for("exports.assemble")
def _waiting_runs(sent_before: datetime) -> QuerySet[ExportRun]:
    return ExportRun.objects.waiting(sent_before=sent_before).order_by("created_at")


@rows_for("exports.convert", "item_id")
def _unfinished_items() -> QuerySet[ExportItem]:
    return ExportItem.objects.unfinished()


@rows_for("exports.assemble", "run_id")
def _unfinished_runs() -> QuerySet[ExportRun]:
    return ExportRun.objects.unfinished()
