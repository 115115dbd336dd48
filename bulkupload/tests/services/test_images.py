"""The image columns: what a product shows afterwards, and what becomes of pictures that are bad."""

from collections.abc import Callable
from datetime import timedelta
from typing import cast

import pytest
from django.conf import settings as values
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.models import OwnerScope, User
from accounts.tests.factories import MembershipFactory, UserFactory
from bulkupload.models import (
    BulkUploadJob,
    BulkUploadMedia,
    BulkUploadMediaBatch,
    BulkUploadRowError,
    JobStatus,
    MediaStatus,
)
from bulkupload.services import (
    chunks,
    expiry,
    finishing,
    jobs,
    media_work,
    planning,
    recovery,
    reports,
)
from bulkupload.tests.importing import (
    attach_all,
    batch_ids,
    chunk_ids,
    counts,
    faults,
    imported,
    pictures,
    send,
    work_off,
)
from catalog.models import Product
from catalog.services import entities
from media.errors import StoreUnavailableError
from media.models import Attachment, MediaResource, ResourceStatus, Upload
from media.rules import keys
from media.storage import factory
from media.storage.memory import MemoryStore
from media.tests.doors import WatchedStore
from media.tests.factories import photo, ready, sent, ticket, upload_of
from media.tests.threads import at_once
from sartiq.core import crashpoints, leases


def shown(sku: str) -> dict[str, list[str]]:
    """Return the contents that a product shows, by slot, in order."""
    product = Product.objects.get(sku=sku)
    found: dict[str, list[str]] = {}
    for each in Attachment.objects.of("PRODUCT", [product.pk]).select_related("resource"):
        found.setdefault(each.slot, []).append(each.resource.content_hash[:8])
    return found


def content(*urls: str) -> list[str]:
    """Return the contents of uploads that were taken in."""
    hashes = (upload_of(url).resource for url in urls)
    return [found.content_hash[:8] for found in hashes if found is not None]


def canonical(resource: MediaResource) -> str:
    return f"{values.CDN_URL}/{keys.canonical_key(resource.pk, resource.extension)}"


def warnings() -> list[tuple[int, str, str, str]]:
    rows = BulkUploadRowError.objects.filter(severity="WARNING").order_by("row", "position")
    return list(rows.values_list("line", "column", "code", "value"))


def three(public: MemoryStore, user: User) -> tuple[str, str, str]:
    one, two, other = (sent(public, user, photo(number)) for number in (1, 2, 3))
    return one, two, other


@pytest.mark.covers("T61")
def test_pictures_of_ours_are_shown_in_their_slots(public: MemoryStore, user: User) -> None:
    one, two, three_ = three(public, user)
    known = ready(public, user, photo(4))

    job = imported(
        user,
        "sku,name,cover_image,back_image,images\n"
        f"A,Shoe,{one},{canonical(known)},{two} | {three_}|\n"
        f"B,Boot,{one},,\n",
    )

    assert job.status == JobStatus.COMPLETED
    assert counts(job) == (2, 0, 0, 0)
    assert pictures(job) == (0, 5, 0)
    assert shown("A") == {
        "cover_image": content(one),
        "back_image": [known.content_hash[:8]],
        "images": content(two, three_),
    }
    assert shown("B") == {"cover_image": content(one)}
    assert set(MediaResource.objects.values_list("status", flat=True)) == {ResourceStatus.READY}


def test_the_same_file_again_fetches_and_writes_nothing(
    public: MemoryStore, user: User, private: MemoryStore
) -> None:
    one, two, three_ = three(public, user)
    table = f"sku,name,cover_image,images\nA,Shoe,{one},{two}|{three_}\nB,Boot,{three_},\n"
    imported(user, table)
    before = list(Product.objects.order_by("sku").values_list("updated_at", flat=True))
    places = set(Attachment.objects.values_list("pk", flat=True))
    BulkUploadMedia.objects.all().delete()
    store = cast("WatchedStore", factory.public_store())
    calls = store.calls

    job = imported(user, table)

    assert counts(job) == (0, 0, 2, 0)
    assert pictures(job) == (0, 0, 0)
    assert not BulkUploadMedia.objects.exists()
    assert store.calls == calls
    assert list(Product.objects.order_by("sku").values_list("updated_at", flat=True)) == before
    assert set(Attachment.objects.values_list("pk", flat=True)) == places


def test_an_empty_cell_clears_a_slot_and_an_absent_column_leaves_it(
    public: MemoryStore, user: User
) -> None:
    one, two, three_ = three(public, user)
    imported(user, f"sku,name,cover_image,back_image,images\nA,Shoe,{one},{two},{two}|{three_}\n")

    job = imported(user, "sku,name,cover_image,images\nA,Shoe,,\n")

    assert counts(job) == (0, 0, 1, 0)
    assert pictures(job) == (0, 0, 0)
    assert shown("A") == {"back_image": content(two)}
    left = MediaResource.objects.filter(unattached_at__isnull=False)
    assert left.count() == 2


@pytest.mark.covers("T61")
@pytest.mark.parametrize(
    "cell",
    [
        "https://elsewhere.example.com/a.png",
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "a.png",
        "#REF!",
        "{cdn}/temp/../private/x",
        "{cdn}/media/018f0000-0000-7000-8000-000000000000/file.png",
        "{foreign}",
        "{foreign_canonical}",
    ],
)
def test_a_picture_that_is_not_ours_is_a_warning_and_the_row_is_imported(
    public: MemoryStore, user: User, cell: str
) -> None:
    other = UserFactory.create()
    spelled = cell.format(
        cdn=values.CDN_URL,
        foreign=sent(public, other, photo(8)),
        foreign_canonical=canonical(ready(public, other, photo(9))),
    )
    good = sent(public, user)

    job = imported(
        user, f"sku,name,cover_image,images\nA,Shoe,{spelled},{good}\nB,Boot,,{spelled}|{good}\n"
    )

    assert job.status == JobStatus.COMPLETED_WITH_ERRORS
    assert counts(job) == (2, 0, 0, 0)
    assert pictures(job) == (0, 2, 2)
    code = "image_url_not_allowed"
    assert warnings() == [(2, "cover_image", code, spelled), (3, "images", code, spelled)]
    assert shown("A") == shown("B") == {"images": content(good)}


def test_a_bad_file_is_a_warning_that_comes_back_with_its_row(
    public: MemoryStore, user: User
) -> None:
    good, bad = sent(public, user), sent(public, user, b"<svg onload=alert(1)>")
    missing = ticket(user).file_url
    product = Product.objects.create(user=user, sku="A", name="Shoe")

    job = imported(user, f"sku,name,cover_image,images\nA,Shoe,{missing},{bad}|{good}\n")

    assert counts(job) == (0, 0, 1, 0)
    assert pictures(job) == (0, 1, 2)
    assert warnings() == [
        (2, "cover_image", "image_not_found", missing),
        (2, "images", "content_type_mismatch", bad),
    ]
    assert shown("A") == {"images": content(good)}
    table = b"".join(reports.error_file(job)).decode()
    assert table.count("\n") == 2
    fixed = table.replace(missing, good).replace(f"{bad}|", "")
    again = imported(user, fixed)
    assert again.status == JobStatus.COMPLETED
    assert (counts(again), pictures(again)) == ((0, 0, 1, 0), (0, 1, 0))
    assert shown("A") == {"images": content(good), "cover_image": content(good)}
    assert Product.objects.get().pk == product.pk


def test_pictures_that_failed_are_retried_with_their_rows(public: MemoryStore, user: User) -> None:
    issued = ticket(user)
    job = imported(user, f"sku,name,cover_image\nA,Shoe,{issued.file_url}\nB,Boot,\n")
    assert pictures(job) == (0, 0, 1)
    Upload.objects.update(state="ISSUED")
    public.client_put(issued.put, photo())

    again = work_off(jobs.retry(user=user, job_id=job.pk))

    assert (counts(again), pictures(again)) == ((0, 0, 1, 0), (0, 1, 0))
    assert shown("A") == {"cover_image": content(issued.file_url)}


def test_too_many_pictures_are_one_warning(public: MemoryStore, user: User) -> None:
    url = sent(public, user)

    job = imported(user, "sku,name,images\nA,Shoe," + "|".join([url] * 51) + "\n")

    assert counts(job) == (1, 0, 0, 0)
    assert pictures(job) == (0, 0, 51)
    assert [each[2] for each in warnings()] == ["too_many_images"]
    assert shown("A") == {}


def test_a_file_that_cannot_be_decoded_is_a_warning(public: MemoryStore, user: User) -> None:
    url = sent(public, user)
    job = send(user, f"sku,name,cover_image\nA,Shoe,{url}\n")
    planning.plan(job.pk)
    chunks.import_rows(chunk_ids(job)[0])
    for pk in batch_ids(job):
        media_work.attach(pk)
    assert pictures(job) == (1, 0, 0)
    job.refresh_from_db()
    assert job.status == JobStatus.RUNNING

    MediaResource.objects.update(status=ResourceStatus.FAILED, failure_code="image_undecodable")
    attach_all(job)

    job.refresh_from_db()
    assert job.status == JobStatus.COMPLETED_WITH_ERRORS
    assert pictures(job) == (0, 0, 1)
    assert warnings() == [(2, "cover_image", "image_undecodable", url)]


@pytest.mark.parametrize("rows", [1, 100])
def test_the_last_row_of_the_file_wins(
    public: MemoryStore, user: User, settings: Settings, rows: int
) -> None:
    settings.BULK_CHUNK_ROWS = rows
    one, two, three_ = three(public, user)

    job = imported(
        user,
        f"sku,name,cover_image,images\nA,Shoe,{one},{one}\nA,Shoe,{two},{three_}\nA,Shoe,{one},\n",
    )

    assert job.status == JobStatus.COMPLETED
    assert shown("A") == {"cover_image": content(one)}


def test_the_later_job_wins(public: MemoryStore, user: User) -> None:
    one, two, _ = three(public, user)
    imported(user, f"sku,name,cover_image\nA,Shoe,{one}\n")
    first = send(user, f"sku,name,cover_image\nA,Shoe,{two}\n")
    planning.plan(first.pk)
    chunks.import_rows(chunk_ids(first)[0])

    second = imported(user, f"sku,name,cover_image\nA,Shoe,{one}\n")
    work_off(first)

    first.refresh_from_db()
    assert {first.status, second.status} == {JobStatus.COMPLETED}
    assert shown("A") == {"cover_image": content(one)}
    assert (pictures(first), pictures(second)) == ((0, 0, 0), (0, 1, 0))


@pytest.mark.covers("F32")
def test_cancelling_stops_the_pictures(public: MemoryStore, user: User) -> None:
    job = send(user, f"sku,name,cover_image\nA,Shoe,{sent(public, user)}\n")
    planning.plan(job.pk)
    chunks.import_rows(chunk_ids(job)[0])

    jobs.cancel(user=user, job_id=job.pk)
    attach_all(job)
    recovery.resend()

    assert shown("A") == {}
    assert pictures(job) == (1, 0, 0)
    assert not finishing.finish(job.pk)


def test_a_product_that_was_deleted_is_skipped(public: MemoryStore, user: User) -> None:
    url = sent(public, user)
    job = send(user, f"sku,name,cover_image\nA,Shoe,{url}\nB,Boot,{url}\n")
    planning.plan(job.pk)
    chunks.import_rows(chunk_ids(job)[0])
    Product.objects.filter(sku="A").delete()

    work_off(job)

    job.refresh_from_db()
    assert (job.status, pictures(job)) == (JobStatus.COMPLETED, (0, 1, 0))
    assert not BulkUploadRowError.objects.exists()
    assert shown("B") == {"cover_image": content(url)}


def test_a_store_that_is_away_is_tried_again_and_then_a_warning(
    public: MemoryStore, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = sent(public, user)
    job = send(user, f"sku,name,cover_image\nA,Shoe,{url}\n")
    planning.plan(job.pk)
    chunks.import_rows(chunk_ids(job)[0])

    def away(_key: str) -> None:
        raise StoreUnavailableError

    monkeypatch.setattr(public, "head", away)
    pauses = []
    for _ in range(media_work.MOST_ATTEMPTS):
        BulkUploadMediaBatch.objects.update(run_after=None)
        assert pictures(job) == (1, 0, 0)
        media_work.attach(batch_ids(job)[0])
        batch = BulkUploadMediaBatch.objects.get()
        pauses.append(batch.run_after is not None)

    job.refresh_from_db()
    assert pauses == [True] * 4 + [False]
    assert (job.status, pictures(job)) == (JobStatus.COMPLETED_WITH_ERRORS, (0, 0, 1))
    assert warnings() == [(2, "cover_image", "store_unavailable", url)]


def test_a_dry_run_warns_and_shows_nothing(public: MemoryStore, user: User) -> None:
    url = sent(public, user)

    job = imported(user, f"sku,name,cover_image\nA,Shoe,{url}\nB,Boot,no\n", dry_run=True)

    assert (counts(job), pictures(job)) == ((2, 0, 0, 0), (0, 0, 1))
    assert [each[2] for each in warnings()] == ["image_url_not_allowed"]
    assert not BulkUploadMedia.objects.exists()


SHOPIFY = (
    "Handle,Title,Variant SKU,Image Src,Image Position\n"
    "boot,Boot,B-40,{two},2\n"
    "boot,,B-41,,\n"
    "boot,,,{one},1\n"
    "boot,,,{three},3\n"
    "shoe,,S-1,{three},\n"
)


@pytest.mark.parametrize("rows", [1, 100])
def test_a_shopify_export_gives_all_variants_the_pictures_of_their_handle(
    public: MemoryStore, user: User, settings: Settings, rows: int
) -> None:
    settings.BULK_CHUNK_ROWS = rows
    one, two, three_ = three(public, user)

    job = imported(user, SHOPIFY.format(one=one, two=two, three=three_))

    assert counts(job) == (2, 0, 0, 1)
    assert pictures(job) == (0, 6, 0)
    assert shown("B-40") == shown("B-41") == {"images": content(one, two, three_)}
    assert faults(job) == [(3, 6, "Title", "missing")]
    fixed = b"".join(reports.error_file(job)).decode().replace('"shoe",""', '"shoe","Shoe"')
    again = imported(user, fixed)
    assert (counts(again), pictures(again)) == ((1, 0, 0, 0), (0, 1, 0))
    assert shown("S-1") == {"images": content(three_)}


def test_a_refused_variant_brings_the_pictures_of_its_handle_when_it_comes_back(
    public: MemoryStore, user: User
) -> None:
    one, two, _ = three(public, user)
    job = imported(
        user,
        f"Handle,Title,Variant SKU,Image Src\nboot,,B-40,{one}\nboot,,,{two}\n",
    )
    fixed = b"".join(reports.error_file(job)).decode().replace('"boot",""', '"boot","Boot"')

    again = imported(user, fixed)

    assert counts(again) == (1, 0, 0, 0)
    assert shown("B-40") == {"images": content(one, two)}


def test_pictures_of_an_organization_are_its_own(public: MemoryStore, user: User) -> None:
    membership = MembershipFactory.create(user=user)
    scope = OwnerScope(user_id=user.pk, organization_id=membership.organization_id)
    personal = ready(public, user, photo(5))

    job = imported(user, f"sku,name,cover_image\nA,Shoe,{canonical(personal)}\n", scope=scope)

    assert pictures(job) == (0, 1, 0)
    [made] = MediaResource.objects.in_scope(scope)
    assert made.copied_from_id == personal.pk
    assert shown("A") == {"cover_image": [personal.content_hash[:8]]}
    again = imported(user, f"sku,name,cover_image\nA,Shoe,{canonical(personal)}\n", scope=scope)
    assert pictures(again) == (0, 0, 0)


@pytest.mark.covers("F06", "I15")
def test_a_batch_that_kills_every_worker_is_given_up(
    public: MemoryStore, user: User, settings: Settings
) -> None:
    settings.LEASE_SECONDS = 0
    job = send(user, f"sku,name,cover_image\nA,Shoe,{sent(public, user)}\n")
    planning.plan(job.pk)
    chunks.import_rows(chunk_ids(job)[0])
    [batch_id] = batch_ids(job)
    BulkUploadMediaBatch.objects.update(attempts=media_work.MOST_ATTEMPTS)

    media_work.attach(batch_id)

    assert warnings()[0][2] == "attempts_exhausted"
    assert BulkUploadMedia.objects.get().status == MediaStatus.FAILED


def statements(user: User, table: str) -> int:
    """Return how many statements importing one chunk takes, the one time it matters."""
    job = send(user, table)
    planning.plan(job.pk)
    [chunk_id] = chunk_ids(job)
    with CaptureQueriesContext(connection) as captured:
        chunks.import_rows(chunk_id)
    return len(captured)


def test_more_rows_take_no_more_statements(public: MemoryStore, user: User) -> None:
    one, two, _ = three(public, user)
    plain = [
        statements(user, "sku,name\n" + "".join(f"{mark}{n},Name\n" for n in range(rows)))
        for mark, rows in (("P", 1), ("Q", 40))
    ]
    header = "sku,name,cover_image,images\n"
    tables = [
        header + "".join(f"{mark}{n},Name,{one},{two}|{one}\n" for n in range(rows))
        for mark, rows in (("A", 2), ("B", 15))
    ]

    first = [statements(user, table) for table in tables]
    for job in BulkUploadJob.objects.all():
        work_off(job)
    again = [statements(user, table) for table in tables]

    assert plain[0] == plain[1]
    assert first[0] == first[1]
    assert again[0] == again[1] <= plain[0] + 6
    assert first[0] <= again[0] + 6


def meanwhile_at(point: str, act: Callable[[], object]) -> None:
    """Have somebody else act, once, when this point is reached."""

    def hook(reached: str) -> None:
        if reached == point:
            crashpoints.install(None)
            at_once([act])

    crashpoints.install(hook)


@pytest.mark.covers("F31", "I15")
@pytest.mark.django_db(transaction=True)
def test_a_worker_that_slept_too_long_shows_nothing(
    public: MemoryStore, user: User, settings: Settings
) -> None:
    url = sent(public, user)
    job = send(user, f"sku,name,cover_image\nA,Shoe,{url}\n")
    planning.plan(job.pk)
    chunks.import_rows(chunk_ids(job)[0])
    [batch_id] = batch_ids(job)
    settings.LEASE_SECONDS = 0

    meanwhile_at("K1", lambda: leases.take(BulkUploadMediaBatch.objects.filter(pk=batch_id)))
    media_work.attach(batch_id)

    assert (shown("A"), pictures(job)) == ({}, (1, 0, 0))
    work_off(job)
    assert (shown("A"), pictures(job)) == ({"cover_image": content(url)}, (0, 1, 0))


@pytest.mark.covers("F32")
@pytest.mark.django_db(transaction=True)
def test_a_job_that_is_cancelled_while_files_are_read_shows_nothing(
    public: MemoryStore, user: User
) -> None:
    job = send(user, f"sku,name,cover_image\nA,Shoe,{sent(public, user)}\n")
    planning.plan(job.pk)
    chunks.import_rows(chunk_ids(job)[0])

    meanwhile_at("K1", lambda: jobs.cancel(user=user, job_id=job.pk))
    media_work.attach(batch_ids(job)[0])

    assert (shown("A"), pictures(job)) == ({}, (1, 0, 0))
    job.refresh_from_db()
    assert job.status == JobStatus.CANCELLED


@pytest.mark.django_db(transaction=True)
def test_a_product_that_is_deleted_while_files_are_read_is_skipped(
    public: MemoryStore, user: User
) -> None:
    url = sent(public, user)
    job = send(user, f"sku,name,cover_image\nA,Shoe,{url}\nB,Boot,{url}\n")
    planning.plan(job.pk)
    chunks.import_rows(chunk_ids(job)[0])

    gone = Product.objects.filter(sku="A")
    meanwhile_at("K1", lambda: entities.discard(gone))
    work_off(job)

    job.refresh_from_db()
    assert (job.status, pictures(job)) == (JobStatus.COMPLETED, (0, 1, 0))
    assert shown("B") == {"cover_image": content(url)}


def test_old_jobs_go_with_their_pictures(public: MemoryStore, user: User) -> None:
    job = imported(user, f"sku,name,cover_image\nA,Shoe,{sent(public, user)}\nB,Boot,no\n")
    ended = timezone.now() - timedelta(days=90, minutes=1)
    BulkUploadJob.objects.filter(pk=job.pk).update(finished_at=ended)

    assert expiry.discard_old_jobs() == 1

    assert not BulkUploadMedia.objects.exists()
    assert not BulkUploadMediaBatch.objects.exists()
    assert list(shown("A")) == ["cover_image"]
