"""Fetching the remote pictures of a job, in this process."""

from bulkupload.models import BulkUploadJob, RemoteImage
from bulkupload.services.images import fetch_remote
from bulkupload.services.rows import import_chunk, plan
from bulkupload.tests.importing import attach_all, chunk_ids
from media.storage import RemoteFetcher
from media.tests.storage.picture_server import NAME, OTHER

ONE, TWO = f"https://{NAME}/1.png", f"https://{OTHER}/2.png"


def fetch_all(fetcher: RemoteFetcher) -> None:
    """Fetch what waits, every message delivered twice."""
    for pk in list(RemoteImage.objects.unfinished().values_list("pk", flat=True)) * 2:
        fetch_remote.fetch(pk, fetcher=fetcher)


def rows_of(job: BulkUploadJob) -> None:
    plan.plan(job.pk)
    for pk in chunk_ids(job):
        import_chunk.import_rows(pk)


def through(job: BulkUploadJob, fetcher: RemoteFetcher) -> BulkUploadJob:
    rows_of(job)
    fetch_all(fetcher)
    attach_all(job)
    job.refresh_from_db()
    return job
