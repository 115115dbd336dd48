"""Enqueueing waiting rows again: the broker may have lost their tasks, or never received them."""

from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from bulkupload.models import (
    BulkUploadChunk,
    BulkUploadJob,
    BulkUploadMedia,
    BulkUploadMediaBatch,
    RemoteImage,
)
from bulkupload.services import lifecycle
from bulkupload.services.images import finish
from media.services.health import stores_answer
from sartiq.core.work import resend as resending
from sartiq.core.work.resend import end_outage, waiting_for
from sartiq.core.work.takeover import rows_for

RECOVERY_BATCH_SIZE = 100  # jobs per run


def resend() -> int:
    """Enqueue waiting rows again and finish jobs that are done; return the number of both."""
    unfinished_batches = BulkUploadMediaBatch.objects.unfinished()
    for rows in (
        BulkUploadJob.objects.unplanned(),
        BulkUploadChunk.objects.unfinished(),
        RemoteImage.objects.unfinished().filter(batches__in=unfinished_batches),
        unfinished_batches,
    ):
        end_outage(rows, is_over=stores_answer)
    counts = [
        resending.resend("bulkupload.plan", "job_id", _waiting_jobs),
        resending.resend("bulkupload.import_chunk", "chunk_id", _waiting_chunks),
        resending.resend("bulkupload.fetch_image", "remote_id", _waiting_images),
        resending.resend("bulkupload.attach_media", "batch_id", _waiting_batches),
    ]
    return sum(counts) + _finish()


@waiting_for("bulkupload.plan")
def _waiting_jobs(sent_before: datetime) -> QuerySet[BulkUploadJob]:
    return BulkUploadJob.objects.waiting(sent_before=sent_before).order_by("created_at")


@waiting_for("bulkupload.import_chunk")
def _waiting_chunks(sent_before: datetime) -> QuerySet[BulkUploadChunk]:
    rows = BulkUploadChunk.objects.waiting(sent_before=sent_before)
    return rows.order_by("job__created_at", "number")


@waiting_for("bulkupload.fetch_image")
def _waiting_images(sent_before: datetime) -> QuerySet[RemoteImage]:
    return RemoteImage.objects.waiting(sent_before=sent_before).order_by("created_at")


@waiting_for("bulkupload.attach_media")
def _waiting_batches(sent_before: datetime) -> QuerySet[BulkUploadMediaBatch]:
    return BulkUploadMediaBatch.objects.waiting(sent_before=sent_before).order_by("created_at")


def _finish() -> int:
    """Save the outcomes of images and finish the jobs that have no work left; return how many."""
    for pk in list(
        _jobs_with_unsaved_outcomes().values_list("pk", flat=True)[:RECOVERY_BATCH_SIZE]
    ):
        finish.update_outcomes(pk)
    done = _done_jobs().order_by("created_at").values_list("pk", flat=True)
    return sum(lifecycle.finish(pk) for pk in list(done[:RECOVERY_BATCH_SIZE]))


def _jobs_with_unsaved_outcomes() -> QuerySet[BulkUploadJob]:
    """Return jobs with images whose outcome is not saved, in turn: last saved, last again."""
    # A scalar subquery: PostgreSQL could join with EXISTS, and look at the images of ended jobs.
    images = BulkUploadMedia.objects.with_unsaved_outcome()
    unsaved = images.filter(job=OuterRef("pk")).order_by()
    batches = BulkUploadMediaBatch.objects.filter(job=OuterRef("pk")).order_by("-updated_at")
    jobs = BulkUploadJob.objects.importing().alias(unsaved=Subquery(unsaved.values("pk")[:1]))
    last_saved = Subquery(batches.values("updated_at")[:1])
    return jobs.filter(unsaved__isnull=False).order_by(last_saved)


def _done_jobs() -> QuerySet[BulkUploadJob]:
    """Return jobs whose rows and images all have outcomes."""
    chunks = BulkUploadChunk.objects.unfinished().filter(job=OuterRef("pk"))
    batches = BulkUploadMediaBatch.objects.without_outcome().filter(job=OuterRef("pk"))
    return BulkUploadJob.objects.importing().exclude(Exists(chunks)).exclude(Exists(batches))


@rows_for("bulkupload.plan", "job_id")
def _unplanned_jobs() -> QuerySet[BulkUploadJob]:
    return BulkUploadJob.objects.unplanned()


@rows_for("bulkupload.import_chunk", "chunk_id")
def _unfinished_chunks() -> QuerySet[BulkUploadChunk]:
    return BulkUploadChunk.objects.unfinished()


@rows_for("bulkupload.fetch_image", "remote_id")
def _unfinished_images() -> QuerySet[RemoteImage]:
    batches = BulkUploadMediaBatch.objects.unfinished()  # an index leads from them to their images
    return RemoteImage.objects.unfinished().filter(batches__in=batches)


@rows_for("bulkupload.attach_media", "batch_id")
def _unfinished_batches() -> QuerySet[BulkUploadMediaBatch]:
    return BulkUploadMediaBatch.objects.unfinished()
