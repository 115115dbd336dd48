"""Images that cannot be attached: warnings about imported rows."""

import pytest
from django.conf import settings as django_settings

from accounts.models import User
from accounts.tests.factories import UserFactory
from bulkupload.models import (
    BulkUploadMedia,
    JobStatus,
)
from bulkupload.services import error_file, jobs
from bulkupload.services.images import attach
from bulkupload.services.rows import import_chunk, plan
from bulkupload.tests.images import canonical_url, hashes_of, image_hashes_of, warnings
from bulkupload.tests.importing import (
    ImageCounts,
    RowCounts,
    attach_all,
    batch_ids,
    chunk_ids,
    image_counts,
    import_table,
    row_counts,
    run_job,
    start_job,
)
from catalog.models import Product
from media.models import MediaResource, ResourceStatus, Upload
from media.storage.testing.memory import MemoryStore
from media.tests.factories import photo, ready_resource, ticket, upload_file


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
def test_an_unknown_image_is_a_warning_and_the_row_is_imported(
    public: MemoryStore, user: User, cell: str
) -> None:
    other = UserFactory.create()
    url = cell.format(
        cdn=django_settings.CDN_URL,
        foreign=upload_file(public, other, photo(8)),
        foreign_canonical=canonical_url(ready_resource(public, other, photo(9))),
    )
    good_url = upload_file(public, user)

    job = import_table(
        user, f"sku,name,cover_image,images\nA,Shoe,{url},{good_url}\nB,Boot,,{url}|{good_url}\n"
    )

    assert job.status == JobStatus.COMPLETED_WITH_ERRORS
    assert row_counts(job) == RowCounts(created=2)
    assert image_counts(job) == ImageCounts(ready=2, failed=2)
    code = "image_url_not_allowed"
    assert warnings() == [(2, "cover_image", code, url), (3, "images", code, url)]
    assert image_hashes_of("A") == image_hashes_of("B") == {"images": hashes_of(good_url)}


def test_a_bad_file_is_a_warning_in_the_error_file(public: MemoryStore, user: User) -> None:
    good_url = upload_file(public, user)
    bad_url = upload_file(public, user, b"<svg onload=alert(1)>")
    missing_url = ticket(user).file_url
    product = Product.objects.create(user=user, sku="A", name="Shoe")

    job = import_table(
        user, f"sku,name,cover_image,images\nA,Shoe,{missing_url},{bad_url}|{good_url}\n"
    )

    assert row_counts(job) == RowCounts(unchanged=1)
    assert image_counts(job) == ImageCounts(ready=1, failed=2)
    assert warnings() == [
        (2, "cover_image", "image_not_found", missing_url),
        (2, "images", "content_type_mismatch", bad_url),
    ]
    assert image_hashes_of("A") == {"images": hashes_of(good_url)}
    table = b"".join(error_file.error_file(job)).decode()
    assert table.count("\n") == 2
    fixed_table = table.replace(missing_url, good_url).replace(f"{bad_url}|", "")
    second_job = import_table(user, fixed_table)
    assert second_job.status == JobStatus.COMPLETED
    assert row_counts(second_job) == RowCounts(unchanged=1)
    assert image_counts(second_job) == ImageCounts(ready=1)
    assert image_hashes_of("A") == {
        "images": hashes_of(good_url),
        "cover_image": hashes_of(good_url),
    }
    assert Product.objects.get().pk == product.pk


def test_images_that_failed_are_retried_with_their_rows(public: MemoryStore, user: User) -> None:
    new_ticket = ticket(user)
    job = import_table(user, f"sku,name,cover_image\nA,Shoe,{new_ticket.file_url}\nB,Boot,\n")
    assert image_counts(job) == ImageCounts(failed=1)
    Upload.objects.update(state="ISSUED")
    public.client_put(new_ticket.put, photo())

    second_job = run_job(jobs.retry(user=user, job_id=job.pk))

    assert row_counts(second_job) == RowCounts(unchanged=1)
    assert image_counts(second_job) == ImageCounts(ready=1)
    assert image_hashes_of("A") == {"cover_image": hashes_of(new_ticket.file_url)}


def test_too_many_images_cause_one_warning(public: MemoryStore, user: User) -> None:
    url = upload_file(public, user)

    job = import_table(user, "sku,name,images\nA,Shoe," + "|".join([url] * 51) + "\n")

    assert row_counts(job) == RowCounts(created=1)
    assert image_counts(job) == ImageCounts(failed=51)
    assert [warning[2] for warning in warnings()] == ["too_many_images"]
    assert image_hashes_of("A") == {}


def test_a_file_that_cannot_be_decoded_causes_a_warning(public: MemoryStore, user: User) -> None:
    url = upload_file(public, user)
    job = start_job(user, f"sku,name,cover_image\nA,Shoe,{url}\n")
    plan.plan_chunks(job.pk)
    import_chunk.import_rows(chunk_ids(job)[0])
    for pk in batch_ids(job):
        attach.attach(pk)
    assert image_counts(job) == ImageCounts(pending=1)
    job.refresh_from_db()
    assert job.status == JobStatus.RUNNING

    MediaResource.objects.update(status=ResourceStatus.FAILED, failure_code="image_undecodable")
    attach_all(job)

    job.refresh_from_db()
    assert job.status == JobStatus.COMPLETED_WITH_ERRORS
    assert image_counts(job) == ImageCounts(failed=1)
    assert warnings() == [(2, "cover_image", "image_undecodable", url)]


def test_a_dry_run_warns_and_attaches_nothing(public: MemoryStore, user: User) -> None:
    url = upload_file(public, user)

    job = import_table(user, f"sku,name,cover_image\nA,Shoe,{url}\nB,Boot,no\n", dry_run=True)

    assert (row_counts(job), image_counts(job)) == (RowCounts(created=2), ImageCounts(failed=1))
    assert [warning[2] for warning in warnings()] == ["image_url_not_allowed"]
    assert not BulkUploadMedia.objects.exists()
