"""Re-enqueueing of waiting rows: the broker may have lost their tasks."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from media.models import (
    DeletionReason,
    MediaResource,
    ObjectDeletion,
    Upload,
    UploadState,
)
from media.services import deletions
from media.services.health import stores_answer
from sartiq.core.work.resend import end_outage, resend, waiting_for
from sartiq.core.work.takeover import rows_for

RECOVERY_BATCH_SIZE = 500  # rows per call; the next call takes the next ones


def resend_resources() -> int:
    """Enqueue a relocation for every PENDING resource no worker holds; return how many."""
    end_outage(MediaResource.objects.pending(), is_over=stores_answer)
    return resend("media.relocate", "resource_id", _waiting_resources)


def consume_late_claims() -> int:
    """Consume uploads claimed while their resource became READY; return how many."""
    with transaction.atomic():
        late = Upload.objects.claimed_and_ready().select_for_update(of=("self",), skip_locked=True)
        rows = list(late.order_by("key")[:RECOVERY_BATCH_SIZE])
        Upload.objects.filter(pk__in=[row.pk for row in rows]).update(state=UploadState.CONSUMED)
        deletions.queue([row.key for row in rows], reason=DeletionReason.DEDUPLICATED)
    return len(rows)


@waiting_for("media.relocate")
def _waiting_resources(sent_before: datetime) -> QuerySet[MediaResource]:
    rows: QuerySet[MediaResource] = MediaResource.objects.waiting(sent_before=sent_before)
    return rows.order_by("created_at")


@waiting_for("media.delete_objects")
def _due_deletions(_sent_before: datetime) -> QuerySet[ObjectDeletion]:
    return ObjectDeletion.objects.due()


@rows_for("media.relocate", "resource_id")
def _unfinished_resources() -> QuerySet[MediaResource]:
    rows: QuerySet[MediaResource] = MediaResource.objects.pending()
    return rows


@rows_for("media.delete_objects")
def _unfinished_deletions() -> QuerySet[ObjectDeletion]:
    return ObjectDeletion.objects.alive()
