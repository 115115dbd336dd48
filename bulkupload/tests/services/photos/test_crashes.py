"""Workers that crash, messages that get lost, concurrent attaches: every photo is attached once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from accounts.tests.factories import UserFactory
from bulkupload.models import OnExisting, PhotoBatch, PhotoBatchStatus, PhotoFile
from bulkupload.services.photos import attach, batches, dispatch, finish, lifecycle, recovery
from bulkupload.tests.photo_batches import (
    choose,
    create,
    declarations_of,
    finished_batch,
    image_hashes,
    outcomes,
    photos,
    product,
    run,
    short_hashes,
    uploaded_batch,
)
from media.errors import StoreUnavailableError
from media.models import Attachment, Upload
from media.storage.testing.memory import MemoryStore
from media.tests.crashes import Crash, dying_at
from media.tests.threads import at_once
from sartiq.core.errors import InvalidValuesError
from sartiq.core.work import crash_points, leases
from sartiq.core.work.queues import BULK
from sartiq.core.work.resend import has_waiting_rows
from sartiq.core.work.retry_policy import MAX_ATTEMPTS, MAX_OUTAGE

POINTS = {
    OnExisting.APPEND: [
        *("lease-taken", "ingest-started", "object-downloaded", "photo-slot-filled"),
        *("committed", "photo-attached", "photo-outcomes-saved", "photo-batch-ended"),
    ],
    OnExisting.REPLACE: ["committed", "photo-attached", "photo-slot-replaced"],
}


@pytest.mark.covers("F30", "I11", "I12")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("on_existing", "point"), [(mode, point) for mode, points in POINTS.items() for point in points]
)
def test_every_photo_is_attached_once_despite_a_crash_at_any_step(
    public: MemoryStore, user: User, settings: Settings, on_existing: OnExisting, point: str
) -> None:
    settings.LEASE_SECONDS = 0  # the lease of a dead worker ends immediately
    shoe = product(user, "AW-1")
    paths = ("AW-1_2.png", "AW-1_3.png", "AW-1_1.png")
    batch = uploaded_batch(user, photos(*paths), on_existing=on_existing)
    crashes = 0

    for _ in range(12):
        crash_points.install(dying_at(point) if crashes < 2 else None)
        try:
            run(batch)
            recovery.resend()
            if batch.is_finished:
                break
        except Crash:
            crashes += 1
        finally:
            crash_points.install(None)

    assert crashes >= 1
    assert batch.status == PhotoBatchStatus.DONE
    assert outcomes(batch) == dict.fromkeys(sorted(paths), "READY")
    assert image_hashes(shoe) == {"images": short_hashes(1, 2), "cover_image": short_hashes(3)}


@pytest.mark.django_db(transaction=True)
def test_concurrent_workers_keep_the_order_of_a_list(public: MemoryStore, user: User) -> None:
    shoe = product(user, "AW-1")
    batch = uploaded_batch(user, photos(*(f"AW-1_{number}.png" for number in range(2, 8))))
    ids = [row.pk for row in PhotoFile.objects.to_attach().order_by("-position")]

    def attaching(pk: Any) -> Callable[[], None]:
        return lambda: attach.attach(pk)

    at_once([attaching(pk) for pk in [*ids, *ids]])
    run(batch)

    assert image_hashes(shoe) == {"images": short_hashes(*range(1, 7))}
    assert set(outcomes(batch).values()) == {"READY"}
    assert Attachment.objects.count() == 6


@pytest.mark.django_db
def test_a_photo_that_kills_every_worker_is_given_up(public: MemoryStore, user: User) -> None:
    product(user, "AW-1")
    batch = uploaded_batch(user, photos("AW-1.png"))
    PhotoFile.objects.update(attempts=MAX_ATTEMPTS)

    run(batch)

    assert outcomes(batch) == {"AW-1.png": "attempts_exhausted"}
    assert batch.status == PhotoBatchStatus.DONE


@pytest.mark.parametrize(
    ("change", "outcome", "expected_images"),
    [("slot", "UPLOADED", {"back_image": short_hashes(1)}), ("skip", "SKIPPED", {})],
)
@pytest.mark.django_db(transaction=True)
def test_a_choice_while_a_photo_is_being_attached_wins(
    public: MemoryStore,
    user: User,
    change: str,
    outcome: str,
    expected_images: dict[str, list[str]],
) -> None:
    shoe = product(user, "AW-1")
    batch = uploaded_batch(user, photos("AW-1_front.png"))

    def interrupt(point: str) -> None:
        if point == "object-checked":
            crash_points.install(None)
            try:
                value = {"slot": "back_image"} if change == "slot" else {"skip": True}
                choose(user, batch, "AW-1_front.png", **value)
            finally:
                connections.close_all()  # files are read in other threads

    crash_points.install(interrupt)
    attach.attach(batch.files.get().pk)

    assert (image_hashes(shoe), outcomes(batch)) == ({}, {"AW-1_front.png": outcome})
    run(batch)
    assert image_hashes(shoe) == expected_images


@pytest.mark.django_db(transaction=True)
def test_a_path_is_added_once_by_concurrent_requests(public: MemoryStore, user: User) -> None:
    batch, _ = create(user, photos("first.png"))
    errors: list[InvalidValuesError] = []

    def adding(other: str) -> Callable[[], None]:
        def add() -> None:
            paths = photos("same.png", other)
            try:
                batches.add(
                    user=user, batch_id=batch.pk, photos=declarations_of(paths), now=timezone.now()
                )
            except InvalidValuesError as error:
                errors.append(error)

        return add

    at_once([adding("a.png"), adding("b.png"), adding("c.png")])

    assert [error.issues[0].code for error in errors] == ["duplicate"] * 2
    assert sorted(outcomes(batch))[1:] == ["first.png", "same.png"]
    assert Upload.objects.count() == 3


@pytest.mark.parametrize("interruption", ["cancel", "lease"])
@pytest.mark.django_db(transaction=True)
def test_work_on_a_photo_that_was_lost_is_not_committed(
    public: MemoryStore, user: User, settings: Settings, interruption: str
) -> None:
    shoe = product(user, "AW-1")
    batch = uploaded_batch(user, photos("AW-1.png"))
    settings.LEASE_SECONDS = 0

    def interrupt(point: str) -> None:
        if point == "object-checked":
            crash_points.install(None)
            try:
                if interruption == "cancel":
                    lifecycle.cancel(user=user, batch_id=batch.pk)
                else:
                    leases.take(PhotoFile.objects.all())
            finally:
                connections.close_all()  # files are read in other threads

    crash_points.install(interrupt)
    attach.attach(batch.files.get().pk)

    assert image_hashes(shoe) == {}
    assert outcomes(batch) == {"AW-1.png": "cancelled" if interruption == "cancel" else "UPLOADED"}


@pytest.mark.django_db
def test_a_store_outage_is_retried_for_a_day(
    public: MemoryStore, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    product(user, "AW-1")
    batch = uploaded_batch(user, photos("AW-1.png"))

    def fail(_key: str) -> None:
        raise StoreUnavailableError

    monkeypatch.setattr(public, "head", fail)
    attach.attach(batch.files.get().pk)
    delayed_photo = batch.files.get()
    PhotoFile.objects.update(run_after=None, unavailable_since=Now() - MAX_OUTAGE)
    attach.attach(batch.files.get().pk)

    assert (delayed_photo.status, delayed_photo.attempts) == ("UPLOADED", 0)
    assert outcomes(batch) == {"AW-1.png": "store_unavailable"}


@pytest.mark.django_db
def test_a_batch_fills_the_queue_only_a_little(
    public: MemoryStore, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "MAX_ENQUEUED", 2)
    product(user, "AW-1")
    batch = uploaded_batch(user, photos(*(f"AW-1_{number}.png" for number in range(5))))

    counts = [dispatch.top_up(batch.pk), dispatch.top_up(batch.pk)]

    assert counts == [2, 0]
    assert PhotoFile.objects.filter(sent_at__isnull=False).count() == 2
    [first, *_] = PhotoFile.objects.filter(sent_at__isnull=False)
    attach.attach(first.pk)
    assert PhotoFile.objects.to_attach().filter(sent_at__isnull=False).count() == 2
    assert has_waiting_rows([BULK])


@pytest.mark.django_db
def test_photos_without_messages_are_enqueued_again(public: MemoryStore, user: User) -> None:
    product(user, "AW-1")
    other_user = UserFactory.create()
    product(other_user, "AW-1")
    uploaded_batch(user, photos("AW-1_1.png"))
    uploaded_batch(other_user, photos("AW-1_2.png"))

    recovery.resend()

    assert PhotoFile.objects.filter(sent_at__isnull=True).count() == 0


@pytest.mark.django_db
def test_recovery_finishes_batches(public: MemoryStore, user: User) -> None:
    product(user, "AW-1")
    batch = finished_batch(user, photos("AW-1_1.png"))
    PhotoBatch.objects.update(status="RUNNING", finished_at=None)
    PhotoFile.objects.update(status="ATTACHED", finished_at=None)

    recovery.resend()

    batch.refresh_from_db()
    assert (batch.status, outcomes(batch)) == ("DONE", {"AW-1_1.png": "READY"})


@pytest.mark.django_db
def test_nothing_is_replaced_while_a_photo_of_the_slot_is_expected(
    public: MemoryStore, user: User
) -> None:
    shoe = product(user, "AW-1")
    batch = uploaded_batch(user, photos("AW-1_2.png", "AW-1_3.png"), on_existing=OnExisting.REPLACE)
    rows = PhotoFile.objects.filter(path="AW-1_3.png")
    rows.update(run_after=timezone.now() + timedelta(hours=1))

    run(batch)
    finish.finish(batch.pk)

    assert outcomes(batch) == {"AW-1_2.png": "INGESTED", "AW-1_3.png": "UPLOADED"}
    assert image_hashes(shoe) == {}
    assert batch.status == PhotoBatchStatus.RUNNING
