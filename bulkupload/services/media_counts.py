"""Writing what became of pictures: the row and its batch's counts, in the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Now

from bulkupload.models import BulkUploadMedia, BulkUploadMediaBatch, MediaStatus

ENDS = (MediaStatus.READY, MediaStatus.FAILED, MediaStatus.REPLACED)


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """How many pictures of one slot stand where."""

    pending: int = 0
    ready: int = 0
    failed: int = 0


Outcome = tuple[BulkUploadMedia, MediaStatus, Pictures]


def note(outcomes: Sequence[Outcome]) -> None:
    """Write the outcome of rows that are locked; a batch's counts move by the difference.

    Batches are written in one order everywhere, so that nobody waits in a ring.
    """
    moved: dict[UUID, list[int]] = {}
    for row, status, now in outcomes:
        change = moved.setdefault(row.batch_id, [0, 0, 0])
        change[0] += now.pending - row.pending
        change[1] += now.ready - row.ready
        change[2] += now.failed - row.failed
        row.status, row.updated_at = status, Now()
        row.pending, row.ready, row.failed = now.pending, now.ready, now.failed
        if status in ENDS:
            row.cells = ""
    BulkUploadMedia.objects.bulk_update(
        [row for row, _, _ in outcomes],
        ["status", "pending", "ready", "failed", "cells", "resources", "updated_at"],
    )
    for batch_id in sorted(moved):
        pending, ready, failed = moved[batch_id]
        BulkUploadMediaBatch.objects.filter(pk=batch_id).update(
            pending=F("pending") + pending,
            ready=F("ready") + ready,
            failed=F("failed") + failed,
            updated_at=Now(),
        )
