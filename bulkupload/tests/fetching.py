"""Fetching the remote images of a job, in this process."""

from typing import Any

from accounts.models import User
from bulkupload.models import BulkUploadJob, RemoteImage
from bulkupload.services.images import fetch_remote
from bulkupload.services.rows import import_chunk, plan
from bulkupload.tests.importing import attach_all, chunk_ids, start_job
from media.storage import RemoteFetcher
from media.tests.storage.image_server import HOST, OTHER_HOST

FIRST_URL, SECOND_URL = f"https://{HOST}/1.png", f"https://{OTHER_HOST}/2.png"


def fetch_all(fetcher: RemoteFetcher) -> None:
    """Fetch the waiting images, with every message delivered twice."""
    for pk in list(RemoteImage.objects.unfinished().values_list("pk", flat=True)) * 2:
        fetch_remote.fetch(pk, fetcher=fetcher)


def import_chunks(job: BulkUploadJob) -> None:
    plan.plan_chunks(job.pk)
    for pk in chunk_ids(job):
        import_chunk.import_rows(pk)


def import_rows(user: User, *urls: str, **options: Any) -> BulkUploadJob:
    """Import the rows of a table with these cover images, which are not fetched yet."""
    rows = [f"S{number},Shoe,{url}\n" for number, url in enumerate(urls)]
    job = start_job(user, "sku,name,cover_image\n" + "".join(rows), **options)
    import_chunks(job)
    return job


def run_and_fetch(job: BulkUploadJob, fetcher: RemoteFetcher) -> BulkUploadJob:
    import_chunks(job)
    fetch_all(fetcher)
    attach_all(job)
    job.refresh_from_db()
    return job
