"""Tasks of bulk uploads: each calls one service and may be delivered more than once."""

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from bulkupload.services import recovery, retention
from bulkupload.services.images import attach, fetch_remote, finish
from bulkupload.services.photos import arrivals
from bulkupload.services.photos import attach as photos
from bulkupload.services.photos import finish as photo_batches
from bulkupload.services.photos import recovery as photo_recovery
from bulkupload.services.rows import import_chunk as chunks
from bulkupload.services.rows import plan as planning
from media.storage import public_store


@shared_task(name="bulkupload.plan")
def plan_chunks(*, job_id: str) -> None:
    """Split one job's file into chunks."""
    planning.plan_chunks(UUID(job_id))


@shared_task(name="bulkupload.import_chunk")
def import_chunk(*, chunk_id: str) -> None:
    """Import the rows of one chunk."""
    chunks.import_rows(UUID(chunk_id))


@shared_task(name="bulkupload.attach_media")
def attach_media(*, batch_id: str) -> None:
    """Attach the images of one batch."""
    attach.attach(UUID(batch_id))


@shared_task(name="bulkupload.fetch_image")
def fetch_image(*, remote_id: str) -> None:
    """Fetch one remote image."""
    fetch_remote.fetch(UUID(remote_id))


@shared_task(name="bulkupload.settle_media")
def finish_media(*, job_id: str) -> None:
    """Save which attached images of a job are ready."""
    finish.finish_job(UUID(job_id))


@shared_task(name="bulkupload.attach_photo")
def attach_photo(*, photo_id: str) -> None:
    """Attach one photo of a batch."""
    photos.attach(UUID(photo_id))


@shared_task(name="bulkupload.finish_photos")
def finish_photos(*, batch_id: str) -> None:
    """Save which attached photos of a batch are ready."""
    photo_batches.finish(UUID(batch_id))


@shared_task(name="bulkupload.find_unreported_photos")
def find_unreported_photos() -> None:
    """Find uploads of photos that nobody reported."""
    arrivals.find_unreported(public_store(), now=timezone.now())


@shared_task(name="bulkupload.recover")
def recover() -> None:
    """Enqueue waiting rows again and finish jobs and photo batches that are done."""
    recovery.resend()
    photo_recovery.resend()


@shared_task(name="bulkupload.discard_old_jobs")
def discard_old_jobs() -> None:
    """Delete jobs, photo batches and remote images whose retention period is over."""
    retention.discard_old_jobs()
    retention.discard_old_photo_batches()
    retention.discard_old_remote_images()
