"""Functions that enqueue tasks after commit. If one is lost, beat re-enqueues the waiting rows."""

from uuid import UUID

from sartiq.core.work.publishing import send_after_commit, send_later

CHECK_AGAIN_SECONDS = 1.0


def plan_chunks(job_id: UUID) -> None:
    """Have a worker split one job's file into chunks."""
    send_after_commit("bulkupload.plan", job_id=str(job_id))


def import_chunk(chunk_id: UUID) -> None:
    """Have a worker import one chunk."""
    send_after_commit("bulkupload.import_chunk", chunk_id=str(chunk_id))


def attach_media(batch_id: UUID) -> None:
    """Have a worker attach the images of one batch."""
    send_after_commit("bulkupload.attach_media", batch_id=str(batch_id))


def fetch_image(remote_id: UUID) -> None:
    """Have a worker fetch one remote image."""
    send_after_commit("bulkupload.fetch_image", remote_id=str(remote_id))


def finish_media(job_id: UUID) -> None:
    """Have a worker check in about a second whether the images of a job are ready."""
    send_later("bulkupload.settle_media", CHECK_AGAIN_SECONDS, job_id=str(job_id))


def fetch_image_later(remote_id: UUID, *, seconds: float) -> None:
    """Have a worker fetch one remote image after a delay."""
    send_later("bulkupload.fetch_image", seconds, remote_id=str(remote_id))


def attach_photo(photo_id: UUID) -> None:
    """Have a worker attach one photo."""
    send_after_commit("bulkupload.attach_photo", photo_id=str(photo_id))


def finish_photos(batch_id: UUID) -> None:
    """Have a worker check in about a second whether the photos of a batch are ready."""
    send_later("bulkupload.finish_photos", CHECK_AGAIN_SECONDS, batch_id=str(batch_id))
