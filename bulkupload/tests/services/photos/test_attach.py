"""Attaching the photos of a batch: every photo once, or refused with a reason."""

from hashlib import sha256

import pytest
from django.utils import timezone

from accounts.models import User
from bulkupload.models import OnExisting, PhotoBatchStatus
from bulkupload.services.photos import batches, slots, tickets
from bulkupload.tests.photo_batches import (
    choose,
    create,
    declarations_of,
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
from media.models import MediaResource
from media.storage.testing.memory import MemoryStore
from media.tests.factories import drain, photo, ready_resource

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("public")]

REPLACE = OnExisting.REPLACE


@pytest.mark.parametrize("on_existing", OnExisting)
@pytest.mark.parametrize("reverse", [False, True])
def test_photos_are_in_the_order_of_their_positions(
    user: User, on_existing: OnExisting, *, reverse: bool
) -> None:
    shoe, boot = product(user, "AW-1"), product(user, "BW-2")
    paths = ["AW-1_10.png", "AW-1_2.png", "AW-1_1.png", "AW-1_back.png", "AW-1.png", "BW-2_3.png"]

    batch = uploaded_batch(user, photos(*paths), on_existing=on_existing)
    run(batch, reverse=reverse)

    assert outcomes(batch) == dict.fromkeys(sorted(paths), "READY")
    assert image_hashes(shoe) == {
        "cover_image": short_hashes(3),
        "back_image": short_hashes(4),
        "images": short_hashes(5, 2, 1),
    }
    assert image_hashes(boot) == {"images": short_hashes(6)}
    assert batch.status == PhotoBatchStatus.DONE
    assert events() == ["created", "started", "finished"]


def test_the_file_name_of_a_photo_is_without_its_folders(user: User) -> None:
    product(user, "AW-1")

    finished_batch(user, photos("day 1/AW-1_front.png", "day 1\\cards\\AW-1_back.png"))

    names = MediaResource.objects.values_list("filename", flat=True)
    assert sorted(names) == ["AW-1_back.png", "AW-1_front.png"]


def test_append_keeps_the_existing_images_of_a_list_first(user: User, public: MemoryStore) -> None:
    shoe = product(user, "AW-1")
    finished_batch(user, {"AW-1_2.png": photo(1), "AW-1_3.png": photo(2)})

    batch = finished_batch(user, {"AW-1_2.png": photo(3), "AW-1_3.png": photo(1)})

    assert outcomes(batch) == {"AW-1_2.png": "READY", "AW-1_3.png": "READY"}
    assert image_hashes(shoe) == {"images": short_hashes(1, 2, 3)}  # the first is there already


def test_an_occupied_single_slot_needs_a_choice_of_the_user(user: User) -> None:
    shoe = product(user, "AW-1")
    finished_batch(user, {"AW-1_front.png": photo(1)})

    batch = finished_batch(user, {"AW-1_front.png": photo(2), "AW-1_main.png": photo(1)})

    assert outcomes(batch) == {"AW-1_front.png": "slot_occupied", "AW-1_main.png": "READY"}
    assert image_hashes(shoe) == {"cover_image": short_hashes(1)}
    choose(user, batch, "AW-1_front.png", slot="back_image")
    run(batch)
    assert outcomes(batch) == {"AW-1_front.png": "READY", "AW-1_main.png": "READY"}
    assert image_hashes(shoe) == {"cover_image": short_hashes(1), "back_image": short_hashes(2)}


@pytest.mark.parametrize("on_existing", OnExisting)
@pytest.mark.parametrize("reverse", [False, True])
def test_of_two_photos_for_a_single_slot_the_first_is_attached(
    user: User, on_existing: OnExisting, *, reverse: bool
) -> None:
    shoe = product(user, "AW-1")

    batch = uploaded_batch(
        user, photos("AW-1_front.png", "AW-1_front_2.png"), on_existing=on_existing
    )
    run(batch, reverse=reverse)

    assert outcomes(batch) == {"AW-1_front.png": "READY", "AW-1_front_2.png": "slot_taken"}
    assert image_hashes(shoe) == {"cover_image": short_hashes(1)}


def test_a_full_list_takes_no_more_photos(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "MAX_SLOT_IMAGES", 2)
    shoe = product(user, "AW-1")
    finished_batch(user, {"AW-1_2.png": photo(1)})

    batch = finished_batch(user, photos("AW-1_3.png", "AW-1_4.png", "AW-1_5.png"))

    assert outcomes(batch) == {
        "AW-1_3.png": "READY",  # it is in the list already
        "AW-1_4.png": "READY",
        "AW-1_5.png": "slot_full",
    }
    assert image_hashes(shoe) == {"images": short_hashes(1, 2)}


@pytest.mark.parametrize("reverse", [False, True])
def test_a_list_is_replaced_by_no_more_photos_than_it_takes(
    user: User, monkeypatch: pytest.MonkeyPatch, *, reverse: bool
) -> None:
    monkeypatch.setattr(slots, "MAX_SLOT_IMAGES", 2)
    shoe = product(user, "AW-1")
    files = photos("AW-1_3.png", "AW-1_4.png", "AW-1_5.png", "AW-1_back.png")
    batch, matched = create(user, files, on_existing=REPLACE)
    send(user, batch, matched[:3], files)
    start(user, batch)

    run(batch, reverse=reverse)
    late_photo = {"AW-1_2.png": photo(5)}
    added_rows = batches.add(
        user=user, batch_id=batch.pk, photos=declarations_of(late_photo), now=timezone.now()
    )
    send(user, batch, added_rows, late_photo)
    run(batch)

    assert outcomes(batch) == {
        "AW-1_2.png": "slot_full",
        "AW-1_3.png": "READY",
        "AW-1_4.png": "READY",
        "AW-1_5.png": "slot_full",
        "AW-1_back.png": "WAITING",
    }
    assert image_hashes(shoe) == {"images": short_hashes(1, 2)}


def test_replace_swaps_a_slot_once(user: User) -> None:
    shoe = product(user, "AW-1")
    finished_batch(user, {"AW-1_2.png": photo(1), "AW-1_3.png": photo(2), "AW-1_1.png": photo(3)})

    batch = finished_batch(
        user, {"AW-1_7.png": photo(4), "AW-1_8.png": photo(2)}, on_existing=REPLACE
    )

    assert outcomes(batch) == {"AW-1_7.png": "READY", "AW-1_8.png": "READY"}
    assert image_hashes(shoe) == {"images": short_hashes(4, 2), "cover_image": short_hashes(3)}
    old_resource = MediaResource.objects.get(content_hash__startswith=short_hashes(1)[0])
    assert old_resource.unattached_at is not None


def test_a_slot_keeps_its_images_while_one_of_its_photos_is_missing(user: User) -> None:
    shoe = product(user, "AW-1")
    finished_batch(user, {"AW-1_2.png": photo(1)})
    files = {"AW-1_7.png": photo(4), "AW-1_8.png": b"no image", "AW-1_1.png": photo(5)}
    batch = finished_batch(user, files, on_existing=REPLACE)

    assert batch.status == PhotoBatchStatus.DONE
    assert outcomes(batch) == {
        "AW-1_1.png": "READY",
        "AW-1_7.png": "slot_incomplete",
        "AW-1_8.png": "content_type_mismatch",
    }
    assert image_hashes(shoe) == {"images": short_hashes(1), "cover_image": short_hashes(5)}

    retry(user, batch)
    missing_file = batch.files.get(path="AW-1_8.png")
    [(_, ticket)] = tickets.issue_again(
        user=user, batch_id=batch.pk, photo_ids=[missing_file.pk], now=timezone.now()
    )
    assert ticket is not None
    run(batch)
    assert outcomes(batch)["AW-1_7.png"] == "INGESTED"
    choose(user, batch, "AW-1_8.png", skip=True)
    run(batch)
    assert outcomes(batch)["AW-1_7.png"] == "READY"
    assert image_hashes(shoe)["images"] == short_hashes(4)


def test_photos_attach_as_they_arrive(user: User) -> None:
    shoe = product(user, "AW-1")
    files = photos("AW-1_1.png", "AW-1_2.png")
    batch, [first, second] = create(user, files)
    start(user, batch)
    send(user, batch, [first], files)

    run(batch)
    early_outcomes = outcomes(batch)
    send(user, batch, [second], files)
    run(batch)

    assert early_outcomes == {"AW-1_1.png": "READY", "AW-1_2.png": "WAITING"}
    assert outcomes(batch) == {"AW-1_1.png": "READY", "AW-1_2.png": "READY"}
    assert list(image_hashes(shoe)) == ["cover_image", "images"]
    assert batch.status == PhotoBatchStatus.DONE


def test_a_stored_file_is_attached_without_upload(user: User, public: MemoryStore) -> None:
    shoe = product(user, "AW-1")
    ready_resource(public, user, photo(1))
    hashes = {"AW-1_front.png": sha256(photo(1)).hexdigest()}

    batch = finished_batch(user, {"AW-1_front.png": photo(1)}, hashes=hashes)

    assert outcomes(batch) == {"AW-1_front.png": "READY"}
    assert image_hashes(shoe) == {"cover_image": short_hashes(1)}


def test_drained_work_leaves_no_upload_behind(user: User, public: MemoryStore) -> None:
    product(user, "AW-1")

    finished_batch(user, photos("AW-1_1.png", "AW-1_2.png"))
    drain()

    assert list(public.list("temp/", limit=10)) == []
