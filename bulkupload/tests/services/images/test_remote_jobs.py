"""Jobs with remote images: cancelled, crashed, concurrent."""

from functools import partial

import pytest
from pytest_django import Settings

from accounts.models import User
from bulkupload.models import (
    BulkUploadMedia,
    BulkUploadMediaBatch,
    JobStatus,
    MediaStatus,
    RemoteImage,
)
from bulkupload.services import jobs, recovery
from bulkupload.services.images import attach
from bulkupload.services.rows import import_chunk, plan
from bulkupload.tests.fetching import FIRST_URL, SECOND_URL, fetch_all, import_chunks, run_and_fetch
from bulkupload.tests.images import attachment_count, warning_codes
from bulkupload.tests.importing import (
    ImageCounts,
    RowCounts,
    attach_all,
    chunk_ids,
    image_counts,
    parameter_counts,
    row_counts,
    start_job,
)
from media.storage import RemoteFetcher
from media.storage.testing.memory import MemoryStore
from media.tests.crashes import Crash, dying_at
from media.tests.storage.image_server import (
    HOST,
    ImageServer,
)
from media.tests.threads import at_once
from sartiq.core.work import crash_points


def test_nothing_is_fetched_for_a_job_that_was_cancelled(
    public: MemoryStore, user: User, server: ImageServer, fetcher: RemoteFetcher
) -> None:
    job = start_job(user, f"sku,name,cover_image\nA,Shoe,{FIRST_URL}\n")
    import_chunks(job)
    jobs.cancel(user=user, job_id=job.pk)

    fetch_all(fetcher)
    recovery.resend()

    assert server.requests == []
    second_job = run_and_fetch(
        start_job(user, f"sku,name,cover_image\nA,Shoe,{FIRST_URL}\n"), fetcher
    )
    assert image_counts(second_job) == ImageCounts(ready=1)


def test_switching_remote_images_off_stops_waiting_fetches(
    public: MemoryStore,
    user: User,
    server: ImageServer,
    fetcher: RemoteFetcher,
    settings: Settings,
) -> None:
    job = start_job(user, f"sku,name,cover_image\nA,Shoe,{FIRST_URL}\n")
    import_chunks(job)
    settings.BULK_REMOTE_IMAGES = False

    fetch_all(fetcher)
    attach_all(job)

    assert server.requests == []
    assert warning_codes() == [(2, "image_url_not_allowed")]


POINTS = [
    *("bulk-imported", "lease-taken", "remote-stored", "remote-saving", "remote-fetched"),
    *("media-slots-filled", "media-outcomes-saved", "media-attached", "committed", "bulk-finish"),
    *("ingest-started", "object-downloaded"),
]


@pytest.mark.covers("F30", "I12")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("point", POINTS)
def test_every_image_is_counted_once_despite_a_crash_at_any_step(
    public: MemoryStore,
    user: User,
    server: ImageServer,
    fetcher: RemoteFetcher,
    settings: Settings,
    *,
    point: str,
) -> None:
    settings.LEASE_SECONDS = 0  # the lease of a dead worker ends immediately
    images = f"{SECOND_URL}|{FIRST_URL}|no"
    job = start_job(user, f"sku,name,cover_image,images\nA,Shoe,{FIRST_URL},{images}\n")
    crashes = 0

    for _ in range(10):
        crash_points.install(dying_at(point) if crashes < 2 else None)
        try:
            run_and_fetch(job, fetcher)
            recovery.resend()
        except Crash:
            crashes += 1
        finally:
            crash_points.install(None)
        assert sum(image_counts(job)) in {0, 4}  # the images are planned all at once
        job.refresh_from_db()
        if job.is_finished:
            break

    assert crashes >= 1
    assert job.status == JobStatus.COMPLETED_WITH_ERRORS
    assert row_counts(job) == RowCounts(created=1)
    assert image_counts(job) == ImageCounts(ready=3, failed=1)
    assert warning_codes() == [(2, "image_url_not_allowed")]
    assert attachment_count("A") == 3


@pytest.mark.covers("F12")
@pytest.mark.django_db(transaction=True)
def test_products_of_overlapping_jobs_have_the_images_of_the_later_job(
    public: MemoryStore, user: User, server: ImageServer, fetcher: RemoteFetcher
) -> None:
    rows = [(f"S{number}", "Name") for number in range(30)]
    first = start_job(
        user, "".join(["sku,name,images\n", *(f"{s},{n},{FIRST_URL}\n" for s, n in rows)])
    )
    both_urls = f"{SECOND_URL}|{FIRST_URL}"
    later_job = start_job(
        user, "".join(["sku,name,images\n", *(f"{s},{n},{both_urls}\n" for s, n in rows[::-1])])
    )
    import_chunks(first)
    import_chunks(later_job)
    fetch_all(fetcher)
    batches = list(BulkUploadMediaBatch.objects.values_list("pk", flat=True))

    at_once([partial(attach.attach, pk) for pk in [*batches, *batches]])
    for job in (first, later_job):
        attach_all(job)
        job.refresh_from_db()

    assert {first.status, later_job.status} == {JobStatus.COMPLETED}
    assert image_counts(later_job) == ImageCounts(ready=60)
    assert {attachment_count(sku) for sku, _ in rows} == {2}
    # The images of the first job were replaced before they were attached, or afterwards.
    statuses = list(BulkUploadMedia.objects.filter(job=first).values_list("status", flat=True))
    assert set(statuses) <= {MediaStatus.REPLACED, MediaStatus.READY}
    ready_count = statuses.count(MediaStatus.READY)
    assert (len(statuses), image_counts(first)) == (30, ImageCounts(ready=ready_count))


def test_the_number_of_parameters_does_not_grow_with_the_number_of_remote_images(
    user: User, private: MemoryStore, settings: Settings
) -> None:
    """PostgreSQL allows 65,535, and a chunk may have more images."""
    settings.BULK_REMOTE_IMAGES = True
    max_counts = []
    for sku, image_count in (("A", 2), ("B", 50)):
        urls = [f"https://{HOST}/{sku}-{number}.png" for number in range(image_count)]
        job = start_job(user, f"sku,name,images\n{sku},Shoe,{'|'.join(urls)}\n")
        with parameter_counts() as parameters:
            plan.plan_chunks(job.pk)
            [chunk] = chunk_ids(job)
            import_chunk.import_rows(chunk)
        max_counts.append(max(parameters))
        assert image_counts(job) == ImageCounts(pending=image_count)

    assert max_counts[0] == max_counts[1]
    assert RemoteImage.objects.unfinished().count() == 52
