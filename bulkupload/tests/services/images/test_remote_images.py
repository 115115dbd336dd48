"""Remote addresses in the image columns, fetched from a real https server on loopback."""

from functools import partial
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import OwnerScope, User
from accounts.tests.factories import MembershipFactory, UserFactory
from bulkupload.models import (
    BulkUploadMedia,
    BulkUploadMediaBatch,
    BulkUploadRowError,
    JobStatus,
    MediaStatus,
    RemoteImage,
    RemoteStatus,
)
from bulkupload.services import jobs, recovery
from bulkupload.services.images import attach
from bulkupload.services.rows import import_chunk, plan
from bulkupload.tests.fetching import ONE, TWO, fetch_all, rows_of, through
from bulkupload.tests.importing import attach_all, chunk_ids, counts, pictures, send
from catalog.models import Product
from media.errors import StoreUnavailableError
from media.models import Attachment, MediaResource, Upload
from media.storage import RemoteFetcher
from media.storage.testing.memory import MemoryStore
from media.tests.factories import photo
from media.tests.packets import refuse_packets
from media.tests.rules.addresses.remote_spellings import SPELLINGS
from media.tests.storage.picture_server import (
    NAME,
    Answer,
    PictureServer,
)
from media.tests.threads import at_once
from sartiq.core.work import crash_points
from sartiq.core.work.runner import MAX_ATTEMPTS


def codes() -> list[tuple[int, str]]:
    rows = BulkUploadRowError.objects.filter(severity="WARNING").order_by("row", "position")
    return list(rows.values_list("line", "code"))


def shown(sku: str) -> int:
    return Attachment.objects.for_entities("PRODUCT", [Product.objects.get(sku=sku).pk]).count()


@pytest.fixture
def packets(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    return refuse_packets(monkeypatch)


@pytest.mark.covers("T61")
@pytest.mark.parametrize("is_on", [False, True])
def test_a_bad_spelling_is_a_warning_and_no_packet(
    public: MemoryStore, user: User, settings: Settings, packets: list[Any], *, is_on: bool
) -> None:
    settings.BULK_REMOTE_IMAGES = is_on
    bad = [url for url in SPELLINGS if "\x00" not in url]
    bad += [] if is_on else [ONE, TWO, "https://elsewhere.example.com/a.png"]
    rows = [f'S{number},Name,"{url}"' for number, url in enumerate(bad)]
    job = send(user, "sku,name,cover_image\n" + "\n".join(rows) + "\n")

    through(job, RemoteFetcher())

    assert packets == []
    assert counts(job) == (len(bad), 0, 0, 0)
    assert pictures(job) == (0, 0, len(bad))
    assert {code for _, code in codes()} == {"image_url_not_allowed"}
    assert not RemoteImage.objects.exists()


@pytest.mark.covers("T61")
def test_a_name_that_leads_inside_is_a_warning(
    public: MemoryStore, user: User, server: PictureServer, packets: list[Any]
) -> None:
    job = send(user, f"sku,name,cover_image\nA,Shoe,{ONE}\n")

    through(job, RemoteFetcher(resolve=lambda _host: ["10.0.0.1"]))

    assert (packets, server.requests) == ([], [])
    assert (counts(job), pictures(job)) == ((1, 0, 0, 0), (0, 0, 1))
    assert codes() == [(2, "image_url_not_allowed")]


def test_remote_pictures_are_fetched_once_and_shown(
    public: MemoryStore, user: User, server: PictureServer, fetcher: RemoteFetcher
) -> None:
    table = f"sku,name,cover_image,images\nA,Shoe,{ONE},{TWO}|{ONE}\nB,Boot,{ONE},\n"

    job = through(send(user, table), fetcher)

    assert (job.status, pictures(job)) == (JobStatus.COMPLETED, (0, 4, 0))
    assert (server.times("/1.png"), server.times("/2.png")) == (1, 1)
    assert MediaResource.objects.count() == 2
    assert (shown("A"), shown("B")) == (3, 1)
    assert Upload.objects.count() == 2


def test_the_same_file_again_fetches_and_writes_nothing(
    public: MemoryStore, user: User, server: PictureServer, fetcher: RemoteFetcher
) -> None:
    table = f"sku,name,images\nA,Shoe,{ONE}|{TWO}\nB,Boot,{TWO}\n"
    through(send(user, table), fetcher)
    before = list(Product.objects.order_by("sku").values_list("updated_at", flat=True))
    batches = BulkUploadMediaBatch.objects.count()
    server.requests.clear()
    server.answers.clear()

    job = through(send(user, table), fetcher)

    assert (counts(job), pictures(job)) == ((0, 0, 2, 0), (0, 0, 0))
    assert server.requests == []
    assert list(Product.objects.order_by("sku").values_list("updated_at", flat=True)) == before
    assert (BulkUploadMediaBatch.objects.count(), Upload.objects.count()) == (batches, 2)


def test_a_bad_remote_picture_is_a_warning_and_retried_with_its_row(
    public: MemoryStore, user: User, server: PictureServer, fetcher: RemoteFetcher
) -> None:
    page = Answer(body=b"<html>" * 100, headers={"Content-Type": "image/png"})
    server.answers = {"/1.png": page}

    job = through(send(user, f"sku,name,images\nA,Shoe,{ONE}|{TWO}\nB,Boot,{TWO}\n"), fetcher)

    assert (job.status, counts(job)) == (JobStatus.COMPLETED_WITH_ERRORS, (2, 0, 0, 0))
    assert pictures(job) == (0, 0, 3)
    expected = [(2, "content_type_mismatch"), (2, "image_not_found"), (3, "image_not_found")]
    assert codes() == expected
    server.answers = {"/1.png": Answer(body=photo(1)), "/2.png": Answer(body=photo(2))}
    again = through(jobs.retry(user=user, job_id=job.pk), fetcher)
    assert (again.status, pictures(again)) == (JobStatus.COMPLETED, (0, 3, 0))
    assert (shown("A"), shown("B")) == (2, 1)


@pytest.mark.parametrize("status", [429, 503])
def test_a_fault_that_passes_is_tried_again_with_growing_pauses(
    public: MemoryStore, user: User, server: PictureServer, fetcher: RemoteFetcher, status: int
) -> None:
    server.answers = {"/1.png": Answer(status=status)}
    job = send(user, f"sku,name,cover_image\nA,Shoe,{ONE}\n")
    rows_of(job)

    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert pictures(job) == (1, 0, 0)
        assert RemoteImage.objects.get().status == RemoteStatus.WAITING
        RemoteImage.objects.update(run_after=None)
        fetch_all(fetcher)
        assert server.times("/1.png") == attempt
    attach_all(job)

    assert pictures(job) == (0, 0, 1)
    assert codes() == [(2, "image_unreachable")]


def test_a_fault_that_has_passed_is_forgotten(
    public: MemoryStore,
    user: User,
    server: PictureServer,
    fetcher: RemoteFetcher,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = send(user, f"sku,name,cover_image\nA,Shoe,{ONE}\n")
    rows_of(job)

    def away(*args: Any, **kwargs: Any) -> None:
        raise StoreUnavailableError

    with monkeypatch.context() as patch:
        patch.setattr(public, "put", away)
        fetch_all(fetcher)
    assert pictures(job) == (1, 0, 0)
    RemoteImage.objects.update(run_after=None)
    fetch_all(fetcher)
    attach_all(job)

    assert pictures(job) == (0, 1, 0)


def test_an_organization_shares_what_was_fetched(
    public: MemoryStore, user: User, server: PictureServer, fetcher: RemoteFetcher
) -> None:
    mine = MembershipFactory.create(user=user)
    theirs = MembershipFactory.create(organization=mine.organization)
    table = f"sku,name,cover_image\nA,Shoe,{ONE}\n"
    for person in (user, theirs.user):
        scope = OwnerScope(user_id=person.pk, organization_id=mine.organization_id)
        job = through(send(person, table, scope=scope), fetcher)
    assert server.times("/1.png") == 1
    assert pictures(job) == (0, 0, 0)

    other = through(send(user, table), fetcher)

    assert server.times("/1.png") == 2
    assert pictures(other) == (0, 1, 0)


def test_staff_who_import_for_an_organization_show_what_was_fetched_for_it(
    public: MemoryStore, user: User, server: PictureServer, fetcher: RemoteFetcher
) -> None:
    member, staff = MembershipFactory.create(user=user), UserFactory.create(superuser=True)
    for person, sku in ((user, "A"), (staff, "B")):
        scope = OwnerScope(user_id=person.pk, organization_id=member.organization_id)
        table = f"sku,name,cover_image\n{sku},Shoe,{ONE}\n"
        job = through(send(person, table, scope=scope), fetcher)

    assert (job.status, pictures(job)) == (JobStatus.COMPLETED, (0, 1, 0))
    assert (shown("A"), shown("B"), server.times("/1.png")) == (1, 1, 1)


def test_nothing_is_fetched_for_a_job_that_was_cancelled(
    public: MemoryStore, user: User, server: PictureServer, fetcher: RemoteFetcher
) -> None:
    job = send(user, f"sku,name,cover_image\nA,Shoe,{ONE}\n")
    rows_of(job)
    jobs.cancel(user=user, job_id=job.pk)

    fetch_all(fetcher)
    recovery.resend()

    assert server.requests == []
    again = through(send(user, f"sku,name,cover_image\nA,Shoe,{ONE}\n"), fetcher)
    assert pictures(again) == (0, 1, 0)


def test_switching_it_off_stops_what_waits(
    public: MemoryStore,
    user: User,
    server: PictureServer,
    fetcher: RemoteFetcher,
    settings: Settings,
) -> None:
    job = send(user, f"sku,name,cover_image\nA,Shoe,{ONE}\n")
    rows_of(job)
    settings.BULK_REMOTE_IMAGES = False

    fetch_all(fetcher)
    attach_all(job)

    assert server.requests == []
    assert codes() == [(2, "image_url_not_allowed")]


class Crash(BaseException):
    """A process that died."""


POINTS = [
    *("bulk-imported", "lease-taken", "remote-stored", "remote-noting", "remote-fetched"),
    *("media-shown", "media-noted", "media-attached", "committed", "bulk-finish"),
    *("ingest-started", "object-downloaded"),
]


@pytest.mark.covers("F30", "I12")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("deaths", [1, 3])
def test_whoever_dies_at_any_step_every_picture_counts_once(
    public: MemoryStore,
    user: User,
    server: PictureServer,
    fetcher: RemoteFetcher,
    settings: Settings,
    *,
    point: str,
    deaths: int,
) -> None:
    settings.LEASE_SECONDS = 0  # a dead worker's lease has ended at once
    table = f"sku,name,cover_image,images\nA,Shoe,{ONE},{TWO}\nB,Boot,no,{TWO}|{ONE}\n"
    job = send(user, table)
    died = 0

    def hook(reached: str) -> None:
        if reached == point and died < deaths:
            raise Crash

    for _ in range(40):
        crash_points.install(hook)
        try:
            through(job, fetcher)
            recovery.resend()
        except Crash:
            died += 1
        finally:
            crash_points.install(None)
        found = pictures(job)
        assert sum(found) in {0, 5}
        job.refresh_from_db()
        if job.is_finished:
            break

    assert died >= 1
    assert job.status == JobStatus.COMPLETED_WITH_ERRORS
    assert (counts(job), pictures(job)) == ((2, 0, 0, 0), (0, 4, 1))
    assert codes() == [(3, "image_url_not_allowed")]
    assert (shown("A"), shown("B")) == (2, 2)


@pytest.mark.covers("F12")
@pytest.mark.django_db(transaction=True)
def test_jobs_that_overlap_end_with_what_the_later_one_wants(
    public: MemoryStore, user: User, server: PictureServer, fetcher: RemoteFetcher
) -> None:
    rows = [(f"S{number}", "Name") for number in range(30)]
    first = send(user, "".join(["sku,name,images\n", *(f"{s},{n},{ONE}\n" for s, n in rows)]))
    both = f"{TWO}|{ONE}"
    last = send(user, "".join(["sku,name,images\n", *(f"{s},{n},{both}\n" for s, n in rows[::-1])]))
    rows_of(first)
    rows_of(last)
    fetch_all(fetcher)
    batches = list(BulkUploadMediaBatch.objects.values_list("pk", flat=True))

    at_once([partial(attach.attach, pk) for pk in [*batches, *batches]])
    for job in (first, last):
        attach_all(job)
        job.refresh_from_db()

    assert {first.status, last.status} == {JobStatus.COMPLETED}
    assert pictures(last) == (0, 60, 0)
    assert {shown(sku) for sku, _ in rows} == {2}
    # The first job's gave way before they were shown, or after.
    ends = list(BulkUploadMedia.objects.filter(job=first).values_list("status", flat=True))
    assert set(ends) <= {MediaStatus.REPLACED, MediaStatus.READY}
    assert (len(ends), pictures(first)) == (30, (0, ends.count(MediaStatus.READY), 0))


def test_a_chunk_may_name_more_remote_pictures_than_a_statement_takes_parameters(
    user: User, private: MemoryStore, settings: Settings
) -> None:
    settings.BULK_REMOTE_IMAGES = True
    rows = [
        f"S-{row},Shoe,{'|'.join(f'https://{NAME}/{row}-{at}.png' for at in range(50))}\n"
        for row in range(65_535 // 50 + 1)
    ]
    job = send(user, "sku,name,images\n" + "".join(rows))

    plan.plan(job.pk)
    [chunk] = chunk_ids(job)
    import_chunk.import_rows(chunk)

    assert counts(job) == (len(rows), 0, 0, 0)
    assert pictures(job) == (50 * len(rows), 0, 0)
    assert RemoteImage.objects.unfinished().count() == 50 * len(rows)
