"""Tickets, reports and choices between creating a batch and starting it."""

from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import User
from accounts.tests.factories import UserFactory
from bulkupload.errors import (
    PhotoAttachedError,
    PhotoBatchEndedError,
    ProductOfOtherOwnerError,
    SlotWithoutProductError,
)
from bulkupload.models import PhotoBatch, PhotoFile, PhotoStatus
from bulkupload.services.photos import arrivals, choices, lifecycle, tickets
from bulkupload.services.photos.choices import Choice
from bulkupload.tests.photo_batches import (
    create,
    finished_batch,
    outcomes,
    photos,
    product,
    report,
    send,
    start,
    uploaded_batch,
)
from media.storage.testing.memory import MemoryStore
from media.tests.factories import client_put
from sartiq.core.errors import InvalidValuesError

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("public")]


def issues(error: InvalidValuesError) -> list[tuple[object, ...]]:
    return [(*issue.loc[2:], issue.code) for issue in error.issues]


def choose(user: User, batch: PhotoBatch, row: PhotoFile, **values: object) -> PhotoFile:
    return choices.choose(
        user=user,
        batch_id=batch.pk,
        photo_id=row.pk,
        choice=Choice(**values),  # type: ignore[arg-type]  # any value
        now=timezone.now(),
    )


def test_an_expired_ticket_is_replaced(user: User, public: MemoryStore) -> None:
    files = photos("a.png", "b.png")
    batch, [first, second] = create(user, files)
    send(user, batch, [second], files)

    [(photo_, ticket), (_, no_ticket)] = tickets.issue_again(
        user=user,
        batch_id=batch.pk,
        photo_ids=[first.photo.pk, second.photo.pk],
        now=timezone.now(),
    )

    assert no_ticket is None  # it has arrived
    assert ticket is not None
    assert first.ticket is not None
    assert ticket.upload_id != first.ticket.upload_id
    assert PhotoFile.objects.get(pk=photo_.pk).upload_id == ticket.upload_id


def test_unknown_photos_are_named(user: User) -> None:
    batch, [row] = create(user, photos("a.png"))
    _, [other_photo] = create(user, photos("a.png"))

    with pytest.raises(InvalidValuesError) as error:
        tickets.report_uploaded(
            user=user,
            batch_id=batch.pk,
            photo_ids=[row.photo.pk, other_photo.photo.pk, uuid4()],
            now=timezone.now(),
        )

    assert issues(error.value) == [(1, "not_found"), (2, "not_found")]
    assert outcomes(batch) == {"a.png": "WAITING"}


def test_a_report_is_repeated_after_the_batch_has_ended(user: User) -> None:
    """The response to the first one was lost, and the workers were fast."""
    product(user, "AW-1")
    batch = finished_batch(
        user, {**photos("AW-1_1.png", "other.png"), "AW-1_2.png": b"no image" * 20}
    )
    final_outcomes = outcomes(batch)

    report(user, batch, list(batch.files.all()))

    assert final_outcomes == {
        "AW-1_1.png": "READY",
        "AW-1_2.png": "content_type_mismatch",
        "other.png": "no_product",
    }
    assert outcomes(batch) == final_outcomes


@pytest.mark.parametrize("is_cancelled", [True, False])
def test_an_upload_that_came_too_late_is_refused(user: User, *, is_cancelled: bool) -> None:
    product(user, "AW-1")
    batch, [row] = create(user, photos("AW-1.png"))
    start(user, batch)
    if is_cancelled:
        lifecycle.cancel(user=user, batch_id=batch.pk)
    else:
        lifecycle.end_idle(batch.pk, before=timezone.now())

    with pytest.raises(PhotoBatchEndedError):
        report(user, batch, [row.photo])

    assert outcomes(batch) == {"AW-1.png": "cancelled" if is_cancelled else "never_sent"}


def test_unreported_uploads_are_found(user: User, public: MemoryStore) -> None:
    product(user, "AW-1")
    files = photos("AW-1_1.png", "AW-1_2.png")
    batch, [uploaded_photo, _] = create(user, files)
    assert uploaded_photo.ticket is not None
    client_put(public, uploaded_photo.ticket.put, files["AW-1_1.png"])
    later = timezone.now() + arrivals.CHECK_AFTER

    counts = [
        arrivals.find_unreported(public, now=timezone.now()),
        arrivals.find_unreported(public, now=later),
        arrivals.find_unreported(public, now=later),
    ]

    assert counts == [0, 1, 0]
    assert outcomes(batch) == {"AW-1_1.png": "UPLOADED", "AW-1_2.png": "WAITING"}


def test_uploads_that_were_never_checked_come_first(
    user: User, public: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "BATCH_SIZE", 1)
    files = photos("a.png", "b.png")
    batch, rows = create(user, files)
    for row in rows:
        assert row.ticket is not None
        client_put(public, row.ticket.put, files[row.photo.path])
    now = timezone.now() + arrivals.CHECK_AFTER
    batch.files.filter(path="a.png").update(checked_at=now - 2 * arrivals.CHECK_AGAIN_AFTER)
    batch.files.filter(path="b.png").update(checked_at=None)

    arrivals.find_unreported(public, now=now)

    assert outcomes(batch) == {"a.png": "WAITING", "b.png": "UPLOADED"}


def test_a_product_is_chosen_by_hand(user: User) -> None:
    shoe = product(user, "AW-1")
    batch = uploaded_batch(user, photos("other.png"))
    [row] = batch.files.all()

    chosen_photo = choose(user, batch, row, product_id=shoe.pk, slot="back_image")

    assert (chosen_photo.product_id, chosen_photo.sku, chosen_photo.slot) == (
        shoe.pk,
        "AW-1",
        "back_image",
    )
    assert (chosen_photo.status, chosen_photo.matched_by) == (PhotoStatus.UPLOADED, "hand")


def test_a_photo_is_skipped_and_restored(user: User) -> None:
    product(user, "AW-1")
    batch, [row] = create(user, photos("AW-1.png"))

    skipped_photo = choose(user, batch, row.photo, skip=True)
    restored_photo = choose(user, batch, row.photo, skip=False)

    assert [skipped_photo.status, restored_photo.status] == [
        PhotoStatus.SKIPPED,
        PhotoStatus.WAITING,
    ]


def test_impossible_choices_are_refused(user: User) -> None:
    foreign_product = product(UserFactory.create(), "AW-1")
    batch, [row] = create(user, photos("other.png"))

    with pytest.raises(ProductOfOtherOwnerError):
        choose(user, batch, row.photo, product_id=foreign_product.pk)
    with pytest.raises(SlotWithoutProductError):
        choose(user, batch, row.photo, slot="images")
    batch.files.update(status=PhotoStatus.READY, product_id=foreign_product.pk, slot="images")
    with pytest.raises(PhotoAttachedError):
        choose(user, batch, row.photo, skip=True)

    assert outcomes(batch) == {"other.png": "READY"}
