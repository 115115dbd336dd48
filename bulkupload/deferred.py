"""Telling the workers, after commit, which rows wait. Losing the message loses nothing."""

from uuid import UUID

from sartiq.core.work.publishing import send_after_commit, send_later

LOOK_AGAIN_SECONDS = 1.0


def plan(job_id: UUID) -> None:
    """Have a worker split one job's file into chunks."""
    send_after_commit("bulkupload.plan", job_id=str(job_id))


def import_chunk(chunk_id: UUID) -> None:
    """Have a worker import one chunk."""
    send_after_commit("bulkupload.import_chunk", chunk_id=str(chunk_id))


def attach_media(batch_id: UUID) -> None:
    """Have a worker take in and show the pictures of one batch."""
    send_after_commit("bulkupload.attach_media", batch_id=str(batch_id))


def fetch_image(remote_id: UUID) -> None:
    """Have a worker fetch one remote picture."""
    send_after_commit("bulkupload.fetch_image", remote_id=str(remote_id))


def settle_media(job_id: UUID) -> None:
    """Have a worker look in a moment whether the files of a job are ready."""
    send_later("bulkupload.settle_media", LOOK_AGAIN_SECONDS, job_id=str(job_id))


def fetch_image_later(remote_id: UUID, *, seconds: float) -> None:
    """Have a worker fetch one remote picture after a while."""
    send_later("bulkupload.fetch_image", seconds, remote_id=str(remote_id))
