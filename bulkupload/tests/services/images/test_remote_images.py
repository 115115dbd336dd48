"""Remote images are fetched once for their owner, and only from public hosts."""

from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import OwnerScope, User
from accounts.tests.factories import MembershipFactory, UserFactory
from bulkupload.models import (
    BulkUploadMediaBatch,
    JobStatus,
    RemoteImage,
    RemoteStatus,
)
from bulkupload.services import jobs
from bulkupload.tests.fetching import FIRST_URL, SECOND_URL, fetch_all, import_chunks, run_and_fetch
from bulkupload.tests.images import attachment_count, warning_codes
from bulkupload.tests.importing import (
    ImageCounts,
    RowCounts,
    attach_all,
    image_counts,
    row_counts,
    start_job,
)
from catalog.models import Product
from media.errors import StoreUnavailableError
from media.models import MediaResource, Upload
from media.storage import RemoteFetcher
from media.storage.testing.memory import MemoryStore
from media.tests.factories import photo
from media.tests.packets import refuse_packets
from media.tests.rules.addresses.remote_spellings import REFUSED_URLS
from media.tests.storage.image_server import (
    ImageServer,
    Response,
)
from sartiq.core.work.retry_policy import MAX_ATTEMPTS


@pytest.fixture
def packets(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    return refuse_packets(monkeypatch)


@pytest.mark.covers("T61")
@pytest.mark.parametrize("is_on", [False, True])
def test_a_bad_url_causes_a_warning_and_no_packet_is_sent(
    public: MemoryStore, user: User, settings: Settings, packets: list[Any], *, is_on: bool
) -> None:
    settings.BULK_REMOTE_IMAGES = is_on
    urls = [url for url in REFUSED_URLS if "\x00" not in url]
    urls += [] if is_on else [FIRST_URL, SECOND_URL, "https://elsewhere.example.com/a.png"]
    rows = [f'S{number},Name,"{url}"' for number, url in enumerate(urls)]
    job = start_job(user, "sku,name,cover_image\n" + "\n".join(rows) + "\n")

    run_and_fetch(job, RemoteFetcher())

    assert packets == []
    assert row_counts(job) == RowCounts(created=len(urls))
    assert image_counts(job) == ImageCounts(failed=len(urls))
    assert {code for _, code in warning_codes()} == {"image_url_not_allowed"}
    assert not RemoteImage.objects.exists()


@pytest.mark.covers("T61")
def test_a_host_with_a_private_address_causes_a_warning(
    public: MemoryStore, user: User, server: ImageServer, packets: list[Any]
) -> None:
    job = start_job(user, f"sku,name,cover_image\nA,Shoe,{FIRST_URL}\n")

    run_and_fetch(job, RemoteFetcher(resolve=lambda _host: ["10.0.0.1"]))

    assert (packets, server.requests) == ([], [])
    assert (row_counts(job), image_counts(job)) == (RowCounts(created=1), ImageCounts(failed=1))
    assert warning_codes() == [(2, "image_url_not_allowed")]


def test_remote_images_are_fetched_once_and_attached(
    public: MemoryStore, user: User, server: ImageServer, fetcher: RemoteFetcher
) -> None:
    both_urls = f"{SECOND_URL}|{FIRST_URL}"
    table = f"sku,name,cover_image,images\nA,Shoe,{FIRST_URL},{both_urls}\nB,Boot,{FIRST_URL},\n"

    job = run_and_fetch(start_job(user, table), fetcher)

    assert (job.status, image_counts(job)) == (JobStatus.COMPLETED, ImageCounts(ready=4))
    assert (server.request_count("/1.png"), server.request_count("/2.png")) == (1, 1)
    assert sorted(MediaResource.objects.values_list("filename", flat=True)) == ["1.png", "2.png"]
    assert (attachment_count("A"), attachment_count("B")) == (3, 1)
    assert Upload.objects.count() == 2


def test_importing_the_same_table_again_fetches_and_writes_nothing(
    public: MemoryStore, user: User, server: ImageServer, fetcher: RemoteFetcher
) -> None:
    table = f"sku,name,images\nA,Shoe,{FIRST_URL}|{SECOND_URL}\nB,Boot,{SECOND_URL}\n"
    run_and_fetch(start_job(user, table), fetcher)
    before = list(Product.objects.order_by("sku").values_list("updated_at", flat=True))
    batches = BulkUploadMediaBatch.objects.count()
    server.requests.clear()
    server.responses.clear()

    job = run_and_fetch(start_job(user, table), fetcher)

    assert (row_counts(job), image_counts(job)) == (RowCounts(unchanged=2), ImageCounts())
    assert server.requests == []
    assert list(Product.objects.order_by("sku").values_list("updated_at", flat=True)) == before
    assert (BulkUploadMediaBatch.objects.count(), Upload.objects.count()) == (batches, 2)


def test_a_bad_remote_image_is_a_warning_and_can_be_retried(
    public: MemoryStore, user: User, server: ImageServer, fetcher: RemoteFetcher
) -> None:
    page = Response(body=b"<html>" * 100, headers={"Content-Type": "image/png"})
    server.responses = {"/1.png": page}

    job = run_and_fetch(
        start_job(user, f"sku,name,images\nA,Shoe,{FIRST_URL}|{SECOND_URL}\nB,Boot,{SECOND_URL}\n"),
        fetcher,
    )

    assert (job.status, row_counts(job)) == (JobStatus.COMPLETED_WITH_ERRORS, RowCounts(created=2))
    assert image_counts(job) == ImageCounts(failed=3)
    expected = [(2, "content_type_mismatch"), (2, "image_not_found"), (3, "image_not_found")]
    assert warning_codes() == expected
    server.responses = {"/1.png": Response(body=photo(1)), "/2.png": Response(body=photo(2))}
    second_job = run_and_fetch(jobs.retry(user=user, job_id=job.pk), fetcher)
    assert (second_job.status, image_counts(second_job)) == (
        JobStatus.COMPLETED,
        ImageCounts(ready=3),
    )
    assert (attachment_count("A"), attachment_count("B")) == (2, 1)


@pytest.mark.parametrize("status", [429, 503])
def test_a_temporary_failure_is_retried_with_growing_delays(
    public: MemoryStore, user: User, server: ImageServer, fetcher: RemoteFetcher, status: int
) -> None:
    server.responses = {"/1.png": Response(status=status)}
    job = start_job(user, f"sku,name,cover_image\nA,Shoe,{FIRST_URL}\n")
    import_chunks(job)

    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert image_counts(job) == ImageCounts(pending=1)
        assert RemoteImage.objects.get().status == RemoteStatus.WAITING
        RemoteImage.objects.update(run_after=None)
        fetch_all(fetcher)
        assert server.request_count("/1.png") == attempt
    attach_all(job)

    assert image_counts(job) == ImageCounts(failed=1)
    assert warning_codes() == [(2, "image_unreachable")]


def test_an_image_is_attached_after_a_temporary_failure(
    public: MemoryStore,
    user: User,
    server: ImageServer,
    fetcher: RemoteFetcher,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = start_job(user, f"sku,name,cover_image\nA,Shoe,{FIRST_URL}\n")
    import_chunks(job)

    def fail(*args: Any, **kwargs: Any) -> None:
        raise StoreUnavailableError

    with monkeypatch.context() as patch:
        patch.setattr(public, "put", fail)
        fetch_all(fetcher)
    assert image_counts(job) == ImageCounts(pending=1)
    RemoteImage.objects.update(run_after=None)
    fetch_all(fetcher)
    attach_all(job)

    assert image_counts(job) == ImageCounts(ready=1)


def test_members_of_an_organization_share_fetched_images(
    public: MemoryStore, user: User, server: ImageServer, fetcher: RemoteFetcher
) -> None:
    membership = MembershipFactory.create(user=user)
    colleague = MembershipFactory.create(organization=membership.organization)
    table = f"sku,name,cover_image\nA,Shoe,{FIRST_URL}\n"
    for importer in (user, colleague.user):
        scope = OwnerScope(user_id=importer.pk, organization_id=membership.organization_id)
        job = run_and_fetch(start_job(importer, table, scope=scope), fetcher)
    assert server.request_count("/1.png") == 1
    assert image_counts(job) == ImageCounts()

    other_job = run_and_fetch(start_job(user, table), fetcher)

    assert server.request_count("/1.png") == 2
    assert image_counts(other_job) == ImageCounts(ready=1)


def test_staff_who_import_for_an_organization_attach_its_fetched_images(
    public: MemoryStore, user: User, server: ImageServer, fetcher: RemoteFetcher
) -> None:
    member, staff = MembershipFactory.create(user=user), UserFactory.create(superuser=True)
    for importer, sku in ((user, "A"), (staff, "B")):
        scope = OwnerScope(user_id=importer.pk, organization_id=member.organization_id)
        table = f"sku,name,cover_image\n{sku},Shoe,{FIRST_URL}\n"
        job = run_and_fetch(start_job(importer, table, scope=scope), fetcher)

    assert (job.status, image_counts(job)) == (JobStatus.COMPLETED, ImageCounts(ready=1))
    assert (attachment_count("A"), attachment_count("B")) == (1, 1)
    assert server.request_count("/1.png") == 1
