"""Telling the workers, after commit, which rows wait. Losing the message loses nothing."""

from uuid import UUID

from sartiq.core.publishing import send_after_commit


def plan(job_id: UUID) -> None:
    """Have a worker split one job's file into chunks."""
    send_after_commit("bulkupload.plan", job_id=str(job_id))


def import_chunk(chunk_id: UUID) -> None:
    """Have a worker import one chunk."""
    send_after_commit("bulkupload.import_chunk", chunk_id=str(chunk_id))
