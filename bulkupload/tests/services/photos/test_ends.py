"""The outcomes of photos and batches: refusals, retries, cancellation, the report."""

from datetime import timedelta
from hashlib import sha256

import pytest
from django.utils import timezone

from accounts.models import OwnerScope, User
from accounts.tests.factories import MembershipFactory
from bulkupload.errors import NoFailedPhotosError, PhotoBatchEndedError
from bulkupload.models import OnExisting, PhotoBatch, PhotoBatchStatus, PhotoFile
from bulkupload.rules.limits import MAX_IDLE_TIME
from bulkupload.services import retention
from bulkupload.services.photos import attach, finish, lifecycle, recovery, report, tickets
from bulkupload.tests.photo_batches import (
    choose,
    create,
    events,
    finished_batch,
    image_hashes,
    outcomes,
    photos,
    product,
    retry,
    run,
    send,
    short_hashes,
    start,
    uploaded_batch,
)
from catalog.models import Product
from catalog.services import entities
from media.models import Attachment, MediaResource
from media.storage.testing.memory import MemoryStore
from media.tests.factories import client_put, drain, photo

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("public")]

REPLACE = OnExisting.REPLACE


def test_photos_without_product_fail_and_can_be_chosen(user: User) -> None:
    shoe = product(user, "AW-1")
    product(user, "BW-2"), product(user, "bw2")
    files = photos("other.png", "b_w_2.png", "more.png")

    batch = finished_batch(user, files)

    assert batch.status == PhotoBatchStatus.DONE
    assert outcomes(batch) == {
        "b_w_2.png": "ambiguous_product",
        "more.png": "no_product",
        "other.png": "no_product",
    }
    choose(user, batch, "other.png", product_id=shoe.pk)
    product(user, "MORE")
    retry(user, batch)
    run(batch)
    assert outcomes(batch) == {
        "b_w_2.png": "ambiguous_product",
        "more.png": "READY",
        "other.png": "READY",
    }
    assert image_hashes(shoe) == {"images": short_hashes(1)}


def test_a_reported_photo_that_was_never_sent_is_refused(user: User, public: MemoryStore) -> None:
    shoe = product(user, "AW-1")
    batch, [row] = create(user, photos("AW-1_front.png"))
    tickets.report_uploaded(
        user=user, batch_id=batch.pk, photo_ids=[row.photo.pk], now=timezone.now()
    )
    start(user, batch)

    run(batch)

    assert outcomes(batch) == {"AW-1_front.png": "file_not_found"}
    assert image_hashes(shoe) == {}
    retry(user, batch)
    [(waiting_photo, ticket)] = tickets.issue_again(
        user=user, batch_id=batch.pk, photo_ids=[row.photo.pk], now=timezone.now()
    )
    assert (waiting_photo.status, ticket is None) == ("WAITING", False)
    assert ticket is not None
    assert client_put(public, ticket.put, photo(1)) == 200
    tickets.report_uploaded(
        user=user, batch_id=batch.pk, photo_ids=[row.photo.pk], now=timezone.now()
    )
    run(batch)
    assert outcomes(batch) == {"AW-1_front.png": "READY"}


def test_a_refused_photo_is_replaced_by_a_corrected_one(user: User, public: MemoryStore) -> None:
    """Its size and its hash differ from the declared ones."""
    shoe = product(user, "AW-1")
    files = photos("AW-1_2.png", "AW-1_front.png")
    hashes = {path: sha256(body).hexdigest() for path, body in files.items()}
    corrected = {"AW-1_2.png": photo(3, size=(20, 20)), "AW-1_front.png": photo(4, size=(20, 20))}
    batch, matched = create(user, files, hashes=hashes)
    send(user, batch, matched, files)
    start(user, batch)
    for row in PhotoFile.objects.to_attach():
        attach.attach(row.pk)
    MediaResource.objects.update(status="FAILED", failure_code="image_undecodable")
    finish.finish(batch.pk)
    assert set(outcomes(batch).values()) == {"image_undecodable"}

    retry(user, batch)
    rows_and_tickets = tickets.issue_again(
        user=user,
        batch_id=batch.pk,
        photo_ids=[row.photo.pk for row in matched],
        now=timezone.now(),
    )
    for row, ticket in rows_and_tickets:
        assert ticket is not None
        assert client_put(public, ticket.put, corrected[row.path]) == 200
        tickets.report_uploaded(
            user=user, batch_id=batch.pk, photo_ids=[row.pk], now=timezone.now()
        )
    run(batch)

    assert set(outcomes(batch).values()) == {"READY"}
    assert image_hashes(shoe) == {
        "images": [sha256(corrected["AW-1_2.png"]).hexdigest()[:8]],
        "cover_image": [sha256(corrected["AW-1_front.png"]).hexdigest()[:8]],
    }


def test_a_deleted_product_gets_no_photo(user: User) -> None:
    shoe = product(user, "AW-1")
    batch = uploaded_batch(user, photos("AW-1_front.png"))
    entities.delete(Product, user=user, entity_id=shoe.pk)

    run(batch)

    assert outcomes(batch) == {"AW-1_front.png": "product_deleted"}
    assert not Attachment.objects.exists()


def test_a_batch_of_a_user_who_has_left_is_cancelled() -> None:
    member = MembershipFactory.create()
    scope = OwnerScope(user_id=member.user.pk, organization_id=member.organization.pk)
    shoe = product(member.user, "AW-1", organization=member.organization)
    batch = uploaded_batch(member.user, photos("AW-1_front.png"), scope=scope)
    member.delete()

    run(batch)

    assert batch.status == PhotoBatchStatus.CANCELLED
    assert outcomes(batch) == {"AW-1_front.png": "owner_gone"}
    assert image_hashes(shoe) == {}


def test_cancelling_keeps_what_is_attached(user: User) -> None:
    shoe = product(user, "AW-1")
    files = photos("AW-1_1.png", "AW-1_2.png")
    batch, matched = create(user, files)
    send(user, batch, matched[:1], files)
    start(user, batch)
    run(batch)

    batches = [lifecycle.cancel(user=user, batch_id=batch.pk) for _ in range(2)]

    assert [row.status for row in batches] == [PhotoBatchStatus.CANCELLED] * 2
    assert outcomes(batch) == {"AW-1_1.png": "READY", "AW-1_2.png": "cancelled"}
    assert image_hashes(shoe) == {"cover_image": short_hashes(1)}
    assert events() == ["created", "started", "cancelled"]


def test_only_unfinished_batches_are_cancelled_and_failed_ones_retried(user: User) -> None:
    product(user, "AW-1")
    batch = finished_batch(user, photos("AW-1_1.png"))

    with pytest.raises(PhotoBatchEndedError):
        lifecycle.cancel(user=user, batch_id=batch.pk)
    with pytest.raises(NoFailedPhotosError):
        retry(user, batch)

    assert batch.status == PhotoBatchStatus.DONE


def test_a_batch_does_not_end_before_a_complete_slot_is_replaced(user: User) -> None:
    """Its last file may be verified after the slot was checked and before the batch ends."""
    shoe = product(user, "AW-1")
    batch = uploaded_batch(user, photos("AW-1_2.png", "AW-1_3.png"), on_existing=REPLACE)
    for row in PhotoFile.objects.to_attach():
        attach.attach(row.pk)
    drain()

    end_results = [
        lifecycle.end_if_done(batch.pk),
        lifecycle.end_idle(batch.pk, before=timezone.now() + MAX_IDLE_TIME),
    ]

    assert end_results == [False, False]
    assert outcomes(batch) == {"AW-1_2.png": "INGESTED", "AW-1_3.png": "INGESTED"}
    run(batch)
    assert batch.status == PhotoBatchStatus.DONE
    assert image_hashes(shoe) == {"images": short_hashes(1, 2)}


def test_a_batch_does_not_end_before_a_failure_is_saved(user: User) -> None:
    product(user, "AW-1")
    batch = uploaded_batch(user, photos("AW-1_2.png", "AW-1_3.png"), on_existing=REPLACE)
    for row in PhotoFile.objects.to_attach():
        attach.attach(row.pk)
    drain()
    resources = MediaResource.objects.filter(content_hash__startswith=short_hashes(1)[0])
    resources.update(status="FAILED", failure_code="image_undecodable")

    assert not lifecycle.end_if_done(batch.pk)

    run(batch)
    assert batch.status == PhotoBatchStatus.DONE
    assert outcomes(batch) == {"AW-1_2.png": "image_undecodable", "AW-1_3.png": "slot_incomplete"}


@pytest.mark.parametrize("is_started", [True, False])
def test_a_batch_ends_after_a_day_without_arrivals(user: User, *, is_started: bool) -> None:
    product(user, "AW-1")
    files = photos("AW-1_1.png", "AW-1_2.png", "other.png")
    batch, matched = create(user, files)
    send(user, batch, matched[:1], files)
    if is_started:
        start(user, batch)
        run(batch)
    recovery.resend()
    batch.refresh_from_db()
    assert not batch.is_finished
    PhotoBatch.objects.update(last_arrival_at=timezone.now() - MAX_IDLE_TIME - timedelta(hours=1))

    recovery.resend()

    batch.refresh_from_db()
    assert batch.status == PhotoBatchStatus.DONE
    assert outcomes(batch) == {
        "AW-1_1.png": "READY" if is_started else "not_attached",
        "AW-1_2.png": "never_sent",
        "other.png": "no_product",
    }


def test_the_report_has_a_line_for_each_photo(user: User) -> None:
    product(user, "-AW-1")
    batch = finished_batch(user, photos("-AW-1_front.png", "other.png"))

    lines = b"".join(report.report(batch)).decode("utf-8-sig").splitlines()

    assert lines == [
        "file,product,slot,outcome,reason",
        "'-AW-1_front.png,'-AW-1,cover_image,ready,",
        ("other.png,,,failed,No product has a SKU that this name begins with. Choose a product."),
    ]


def test_old_batches_are_deleted_with_their_photos(user: User) -> None:
    old, recent = finished_batch(user, photos("a.png")), finished_batch(user, photos("b.png"))
    PhotoBatch.objects.filter(pk=old.pk).update(finished_at="2020-01-01T00:00Z")

    retention.discard_old_photo_batches()

    assert list(PhotoBatch.objects.all()) == [recent]
    assert list(PhotoFile.objects.values_list("path", flat=True)) == ["b.png"]
