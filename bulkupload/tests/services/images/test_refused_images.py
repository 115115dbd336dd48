"""A refused image gets the same reason in all rows and jobs."""

import pytest
from pytest_django import Settings

from accounts.models import OwnerScope, User
from accounts.tests.factories import MembershipFactory, UserFactory
from bulkupload.models import BulkUploadRowError
from bulkupload.services import jobs
from bulkupload.services.images import attach
from bulkupload.services.images.stored_urls import NOT_FOUND_MESSAGE
from bulkupload.services.rows import import_chunk, plan
from bulkupload.tests.fetching import FIRST_URL, fetch_all, import_chunks, run_and_fetch
from bulkupload.tests.images import (
    hashes_of,
    image_hashes_of,
    upload_three_images,
    warning_codes,
    warnings,
)
from bulkupload.tests.importing import (
    ImageCounts,
    attach_all,
    batch_ids,
    chunk_ids,
    image_counts,
    import_table,
    run_job,
    start_job,
)
from media.models import Upload
from media.rules import limits
from media.rules.failures import sentence_for
from media.storage import RemoteFetcher
from media.storage.testing.memory import MemoryStore
from media.tests.factories import photo, upload_file
from media.tests.storage.image_server import ImageServer, Response

HEADER = "sku,name,cover_image\n"
SVG = b"<svg onload=alert(1)>"


@pytest.fixture
def one_row_per_chunk(settings: Settings) -> None:
    settings.BULK_CHUNK_ROWS = 1


@pytest.mark.usefixtures("one_row_per_chunk")
def test_a_refused_image_has_the_same_reason_in_every_row(public: MemoryStore, user: User) -> None:
    bad_url = upload_file(public, user, SVG)
    job = start_job(user, f"{HEADER}A,Shoe,{bad_url}\nB,Boot,{bad_url}\nC,Sock,{bad_url}\n")
    plan.plan_chunks(job.pk)
    first, second, third = chunk_ids(job)
    import_chunk.import_rows(first)
    import_chunk.import_rows(second)
    for pk in batch_ids(job):
        attach.attach(pk)

    import_chunk.import_rows(third)
    attach_all(job)

    code = "content_type_mismatch"
    expected = [(line, "cover_image", code, bad_url) for line in (2, 3, 4)]
    assert warnings() == expected
    assert image_counts(job) == ImageCounts(failed=3)
    second_job = run_job(jobs.retry(user=user, job_id=job.pk))
    assert sorted(warnings()) == sorted(expected * 2)
    assert image_counts(second_job) == ImageCounts(failed=3)


@pytest.mark.usefixtures("one_row_per_chunk")
def test_a_refused_remote_image_has_the_same_reason_in_every_row(
    public: MemoryStore, user: User, server: ImageServer, fetcher: RemoteFetcher
) -> None:
    table = f"{HEADER}A,Shoe,{FIRST_URL}\nB,Boot,{FIRST_URL}\n"
    server.responses = {}
    failed = run_and_fetch(start_job(user, table), fetcher)
    server.responses = {"/1.png": Response(body=photo(1)[:-20])}

    run_and_fetch(start_job(user, table), fetcher)

    rows = BulkUploadRowError.objects.exclude(job=failed).order_by("line")
    code = "file_truncated"
    expected = [(line, code, sentence_for(code)) for line in (2, 3)]
    assert list(rows.values_list("line", "code", "message")) == expected


def test_a_remote_image_that_was_deleted_after_the_fetch_is_not_found(
    public: MemoryStore, user: User, server: ImageServer, fetcher: RemoteFetcher
) -> None:
    job = start_job(user, f"{HEADER}A,Shoe,{FIRST_URL}\n")
    import_chunks(job)
    fetch_all(fetcher)
    Upload.objects.update(state="EXPIRED")

    attach_all(job)

    assert warning_codes() == [(2, "image_not_found")]
    assert BulkUploadRowError.objects.get().message == NOT_FOUND_MESSAGE


def test_other_owners_do_not_learn_the_reason(public: MemoryStore, user: User) -> None:
    bad_url = upload_file(public, user, SVG)
    import_table(user, f"{HEADER}A,Shoe,{bad_url}\n")
    other_user = UserFactory.create()

    import_table(other_user, f"{HEADER}A,Shoe,{bad_url}\n")

    assert sorted(code for _, _, code, _ in warnings()) == [
        "content_type_mismatch",
        "image_url_not_allowed",
    ]


def test_a_colleague_learns_the_reason(public: MemoryStore, user: User) -> None:
    organization = MembershipFactory.create(user=user).organization
    colleague = MembershipFactory.create(organization=organization).user
    bad_url = upload_file(public, colleague, SVG, organization_id=organization.pk)
    table = f"{HEADER}A,Shoe,{bad_url}\n"

    for member in (colleague, user):
        scope = OwnerScope(user_id=member.pk, organization_id=organization.pk)
        import_table(member, table, scope=scope)

    assert [code for _, _, code, _ in warnings()] == ["content_type_mismatch"] * 2


def test_an_expired_upload_is_not_found(public: MemoryStore, user: User) -> None:
    url = upload_file(public, user)
    Upload.objects.update(state="EXPIRED")

    import_table(user, f"{HEADER}A,Shoe,{url}\n")

    assert warnings() == [(2, "cover_image", "image_url_not_allowed", url)]


def test_an_image_of_a_product_with_too_large_images_is_attached_to_another(
    public: MemoryStore, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, _ = upload_three_images(public, user)
    total = len(photo(1)) + len(photo(2))
    monkeypatch.setattr(limits, "MAX_REQUEST_BYTES", total - 1)

    import_table(user, f"sku,name,cover_image,images\nA,Shoe,{one},{two}\nB,Boot,{one},\n")

    assert warnings() == [
        (2, "cover_image", "request_too_large", one),
        (2, "images", "request_too_large", two),
    ]
    assert image_hashes_of("A") == {}
    assert image_hashes_of("B") == {"cover_image": hashes_of(one)}
