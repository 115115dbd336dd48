"""The image columns: what a product shows afterwards, and what becomes of pictures that are bad."""

from typing import cast
from uuid import uuid4

import pytest
from django.conf import settings as values
from pytest_django import Settings

from accounts.models import OwnerScope, User
from accounts.tests.factories import MembershipFactory, UserFactory
from bulkupload.models import (
    BulkUploadMedia,
    JobStatus,
)
from bulkupload.services import error_file, jobs
from bulkupload.services.images import attach
from bulkupload.services.rows import import_chunk, plan
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
from bulkupload.tests.picturing import canonical, content, shown, three, warnings
from catalog.models import Product
from media.models import Attachment, MediaResource, ResourceStatus, Upload
from media.rules import keys
from media.storage import factory
from media.storage.testing.memory import MemoryStore
from media.tests.factories import photo, ready, ticket, upload_file
from media.tests.stores import WatchedStore

MAX_PARAMETERS = 65_535


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


def test_an_import_repairs_a_picture_whose_object_is_gone(public: MemoryStore, user: User) -> None:
    lost = ready(public, user, photo(1))
    public.delete_many([lost.storage_key])

    job = imported(user, f"sku,name,cover_image\nA,Shoe,{upload_file(public, user, photo(1))}\n")

    assert pictures(job) == (0, 1, 0)
    lost.refresh_from_db()
    assert (lost.status, public.body(lost.storage_key)) == (ResourceStatus.READY, photo(1))
    assert lost.attachments.count() == 2


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
        foreign=upload_file(public, other, photo(8)),
        foreign_canonical=canonical(ready(public, other, photo(9))),
    )
    good = upload_file(public, user)

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
    good, bad = upload_file(public, user), upload_file(public, user, b"<svg onload=alert(1)>")
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
    table = b"".join(error_file.error_file(job)).decode()
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
    url = upload_file(public, user)

    job = imported(user, "sku,name,images\nA,Shoe," + "|".join([url] * 51) + "\n")

    assert counts(job) == (1, 0, 0, 0)
    assert pictures(job) == (0, 0, 51)
    assert [each[2] for each in warnings()] == ["too_many_images"]
    assert shown("A") == {}


def test_a_file_that_cannot_be_decoded_is_a_warning(public: MemoryStore, user: User) -> None:
    url = upload_file(public, user)
    job = send(user, f"sku,name,cover_image\nA,Shoe,{url}\n")
    plan.plan(job.pk)
    import_chunk.import_rows(chunk_ids(job)[0])
    for pk in batch_ids(job):
        attach.attach(pk)
    assert pictures(job) == (1, 0, 0)
    job.refresh_from_db()
    assert job.status == JobStatus.RUNNING

    MediaResource.objects.update(status=ResourceStatus.FAILED, failure_code="image_undecodable")
    attach_all(job)

    job.refresh_from_db()
    assert job.status == JobStatus.COMPLETED_WITH_ERRORS
    assert pictures(job) == (0, 0, 1)
    assert warnings() == [(2, "cover_image", "image_undecodable", url)]


def test_a_dry_run_warns_and_shows_nothing(public: MemoryStore, user: User) -> None:
    url = upload_file(public, user)

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
    fixed = b"".join(error_file.error_file(job)).decode().replace('"shoe",""', '"shoe","Shoe"')
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
    fixed = b"".join(error_file.error_file(job)).decode().replace('"boot",""', '"boot","Boot"')

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


def test_a_chunk_may_name_more_pictures_than_a_statement_takes_parameters(
    public: MemoryStore, user: User
) -> None:
    known = ready(public, user, photo(1))
    rows = []
    for number in range(MAX_PARAMETERS // 49 + 1):
        unknown = [f"{values.CDN_URL}/{keys.canonical_key(uuid4(), 'jpg')}" for _ in range(49)]
        rows.append(f"S-{number},Shoe,{'|'.join([canonical(known), *unknown])}\n")

    job = imported(user, "sku,name,images\n" + "".join(rows))

    assert counts(job) == (len(rows), 0, 0, 0)
    assert pictures(job) == (0, len(rows), 49 * len(rows))
    assert shown("S-0") == shown(f"S-{len(rows) - 1}") == {"images": [known.content_hash[:8]]}
