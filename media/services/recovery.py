"""Telling the workers again of rows that wait: the broker may have lost or never got the hint."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from media.models import DeletionReason, MediaResource, ObjectDeletion, Upload, UploadState
from media.services import deletions
from sartiq.core.publishing import send

MOST_AT_ONCE = 500  # rows a run; the next run takes the next ones


def resend_resources() -> int:
    """Send a relocation for every PENDING resource nobody works on; return how many."""
    rows = MediaResource.objects.waiting(sent_before=_told_before())
    ids = list(rows.order_by("created_at").values_list("pk", flat=True)[:MOST_AT_ONCE])
    sent = [pk for pk in ids if send("media.relocate", resource_id=str(pk))]
    MediaResource.objects.filter(pk__in=sent).update(sent_at=timezone.now())
    return len(sent)


def resend_deletions() -> int:
    """Send every due deletion nobody works on; return how many."""
    rows = ObjectDeletion.objects.waiting(sent_before=_told_before())
    ids = list(rows.order_by("created_at").values_list("pk", flat=True)[:MOST_AT_ONCE])
    sent = [pk for pk in ids if send("media.delete_object", deletion_id=str(pk))]
    ObjectDeletion.objects.filter(pk__in=sent).update(sent_at=timezone.now())
    return len(sent)


def settle_late_claims() -> int:
    """Consume uploads claimed in the moment their resource became READY; return how many."""
    with transaction.atomic():
        late = Upload.objects.settled().select_for_update(of=("self",), skip_locked=True)
        rows = list(late.order_by("key")[:MOST_AT_ONCE])
        Upload.objects.filter(pk__in=[row.pk for row in rows]).update(state=UploadState.CONSUMED)
        deletions.queue([row.key for row in rows], reason=DeletionReason.DEDUPLICATED)
    return len(rows)


def _told_before() -> datetime:
    return timezone.now() - timedelta(seconds=settings.RESEND_AFTER_SECONDS)
