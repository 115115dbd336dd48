"""Recovery looks only at photo batches that need work, in turn."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from bulkupload.models import PhotoBatchStatus, PhotoFile, PhotoStatus
from bulkupload.services.photos import attach, recovery
from bulkupload.services.photos.dispatch import MAX_ENQUEUED
from bulkupload.tests.photo_batches import (
    image_hashes,
    outcomes,
    photos,
    product,
    short_hashes,
    uploaded_batch,
)
from bulkupload.tests.waiting import waiting_photo_batches
from media.models import MediaResource, ResourceStatus
from media.tests.factories import drain

ATTACHED, INGESTED, UPLOADED, WAITING = (
    PhotoStatus.ATTACHED,
    PhotoStatus.INGESTED,
    PhotoStatus.UPLOADED,
    PhotoStatus.WAITING,
)


@pytest.mark.parametrize(
    "statuses",
    [
        [ATTACHED],
        [INGESTED, ATTACHED],
        [INGESTED, INGESTED],
        [INGESTED, WAITING],
        [UPLOADED] * (MAX_ENQUEUED + 1),
    ],
    ids=["attached", "two-states", "whole-slot", "expected", "full-queue"],
)
def test_batches_that_wait_cost_no_queries(user: User, statuses: list[PhotoStatus]) -> None:
    query_counts = []

    for batch_count in (1, 4):
        for batch in waiting_photo_batches(user, batch_count, statuses=statuses):
            first, *others = batch.files.order_by("path")
            if others and first.status == INGESTED:
                ready = MediaResource.objects.filter(pk__in=[first.resource_id])
                ready.update(status=ResourceStatus.READY)  # it waits for the others of its slot
            batch.files.filter(path=f"{MAX_ENQUEUED}.png").update(sent_at=None)
        with CaptureQueriesContext(connection) as captured:
            assert recovery.resend() == 0
        query_counts.append(len(captured))

    assert query_counts[0] == query_counts[1]


def test_a_batch_that_is_done_is_found_behind_more_waiting_ones_than_one_run_takes(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "RECOVERY_BATCH_SIZE", 1)
    waiting_batch, batch = waiting_photo_batches(user, 2)
    ready = MediaResource.objects.filter(pk__in=batch.files.values("resource_id"))
    ready.update(status=ResourceStatus.READY)

    assert recovery.resend() == 1

    batch.refresh_from_db()
    waiting_batch.refresh_from_db()
    assert (batch.status, outcomes(batch)) == (PhotoBatchStatus.DONE, {"0.png": "READY"})
    assert (waiting_batch.status, outcomes(waiting_batch)) == (
        PhotoBatchStatus.RUNNING,
        {"0.png": "ATTACHED"},
    )


def test_photos_are_enqueued_behind_batches_with_enough_in_the_queue(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "RECOVERY_BATCH_SIZE", 1)
    statuses = [UPLOADED] * (MAX_ENQUEUED + 1)
    full_batch, batch = waiting_photo_batches(user, 2, statuses=statuses)
    full_batch.files.filter(path="0.png").update(sent_at=None)
    batch.files.filter(path__in=["0.png", "1.png"]).update(sent_at=None)

    assert recovery.resend() == 1

    not_enqueued = PhotoFile.objects.not_enqueued()
    assert not_enqueued.filter(batch=full_batch).count() == 1
    assert not_enqueued.filter(batch=batch).count() == 1


@pytest.mark.usefixtures("public")
def test_recovery_replaces_a_slot_whose_photos_are_all_ready(user: User) -> None:
    shoe = product(user, "AW-1")
    batch = uploaded_batch(user, photos("AW-1_2.png", "AW-1_3.png"), on_existing="REPLACE")
    for row in PhotoFile.objects.to_attach():
        attach.attach(row.pk)
    recovery.resend()
    assert set(outcomes(batch).values()) == {"INGESTED"}
    drain()

    recovery.resend()

    assert set(outcomes(batch).values()) == {"READY"}
    assert image_hashes(shoe) == {"images": short_hashes(1, 2)}


@pytest.mark.parametrize("status", [ATTACHED, INGESTED])
def test_recovery_finds_photos_whose_file_was_deleted(user: User, status: PhotoStatus) -> None:
    [batch] = waiting_photo_batches(user, 1, statuses=[status])
    MediaResource.objects.all().delete()

    recovery.resend()

    assert list(outcomes(batch).values()) == ["READY" if status == ATTACHED else "file_not_found"]
