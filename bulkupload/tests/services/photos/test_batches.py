"""Creating batches: matches and tickets before any photo is uploaded."""

from hashlib import sha256

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import OwnerScope, User
from accounts.tests.factories import MembershipFactory, UserFactory
from bulkupload.errors import (
    PhotoBatchEndedError,
    PhotoBatchNotFoundError,
    TooManyPhotosError,
)
from bulkupload.models import PhotoBatch, PhotoFile, PhotoStatus, SlotWord
from bulkupload.services.photos import batches, choices, lifecycle, tickets
from bulkupload.services.photos.batches import DeclaredPhoto, MatchedPhoto
from bulkupload.services.photos.choices import Choice
from bulkupload.tests.photo_batches import (
    create,
    declarations_of,
    outcomes,
    photos,
    product,
)
from exports.models import ExportConfiguration
from media.models import Upload
from media.storage.testing.memory import MemoryStore
from media.tests.factories import PNG, photo, ready_resource
from sartiq.core.errors import InvalidValuesError

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("public")]


def matches(matched: list[MatchedPhoto]) -> dict[str, tuple[str, str, int | None]]:
    return {row.photo.path: (row.photo.sku, row.photo.slot, row.photo.position) for row in matched}


def issues(error: InvalidValuesError) -> list[tuple[object, ...]]:
    return [(*issue.loc[2:], issue.code) for issue in error.issues]


def test_photos_are_matched_and_get_tickets(user: User) -> None:
    shoe = product(user, "AW-1")

    batch, matched = create(user, photos("AW-1_front.png", "AW-1_2.png", "other.png"))

    assert matches(matched) == {
        "AW-1_front.png": ("AW-1", "cover_image", None),
        "AW-1_2.png": ("AW-1", "images", 2),
        "other.png": ("", "", None),
    }
    assert [row.photo.product_id for row in matched] == [shoe.pk, shoe.pk, None]
    uploads = set(Upload.objects.values_list("pk", flat=True))
    assert {row.ticket.upload_id for row in matched if row.ticket} == uploads
    assert set(batch.files.values_list("upload_id", flat=True)) == uploads
    assert set(batch.files.values_list("status", flat=True)) == {PhotoStatus.WAITING}


def test_a_file_the_owner_has_already_gets_no_ticket(user: User, public: MemoryStore) -> None:
    product(user, "AW-1")
    body = photo(7)
    resource = ready_resource(public, user, body)

    _, [known_photo, other_photo] = create(
        user,
        {"AW-1_front.png": body, "AW-1_2.png": photo(8)},
        hashes={
            "AW-1_front.png": sha256(body).hexdigest().upper(),
            "AW-1_2.png": sha256(photo(8)).hexdigest(),
        },
    )

    assert known_photo.ticket is None
    assert (known_photo.photo.status, known_photo.photo.resource_id) == (
        PhotoStatus.UPLOADED,
        resource.pk,
    )
    assert other_photo.ticket is not None


def test_a_file_of_another_owner_must_be_sent(user: User, public: MemoryStore) -> None:
    body = photo(7)
    ready_resource(public, UserFactory.create(), body)

    _, [row] = create(user, {"a.png": body}, hashes={"a.png": sha256(body).hexdigest()})

    assert row.ticket is not None


def test_equal_skus_are_ambiguous(user: User) -> None:
    rows = [product(user, sku) for sku in ("AW-1", "aw_1")]

    _, [matched] = create(user, photos("aw1_front.png"))

    assert matched.photo.product_id is None
    assert matched.photo.candidates == [{"product_id": str(row.pk), "sku": row.sku} for row in rows]


def test_the_templates_of_the_owners_exports_are_read(user: User) -> None:
    product(user, "AW-1")
    ExportConfiguration.objects.create(
        user=user, naming_convention_template="{shot_type} {product_sku}"
    )

    _, matched = create(user, photos("front AW-1.png"))

    assert matches(matched) == {"front AW-1.png": ("AW-1", "cover_image", None)}
    assert matched[0].photo.matched_by == "template"


def test_slot_words_of_an_organization_extend_the_built_in_ones() -> None:
    member = MembershipFactory.create()
    user, organization = member.user, member.organization
    scope = OwnerScope(user_id=user.pk, organization_id=organization.pk)
    product(user, "AW-1", organization=organization)
    product(user, "AW-2")  # a personal one
    SlotWord.objects.create(organization=organization, word="hinten", slot="back_image")

    _, matched = create(user, photos("AW-1_hinten.png", "AW-2_front.png"), scope=scope)

    assert matches(matched) == {
        "AW-1_hinten.png": ("AW-1", "back_image", None),
        "AW-2_front.png": ("", "", None),
    }


@pytest.mark.parametrize("count", [1, 40])
def test_the_number_of_queries_is_constant(user: User, count: int) -> None:
    for number in range(count):
        product(user, f"AW-{number}")
    files = photos(*(f"AW-{number}_front.png" for number in range(count)))

    with CaptureQueriesContext(connection) as queries:
        create(user, files)

    statements = [query["sql"][:40] for query in queries if "media_upload" not in query["sql"]]
    assert len(statements) <= 8, statements


def test_every_invalid_photo_is_reported_and_nothing_is_written(user: User) -> None:
    invalid_photos = [
        DeclaredPhoto(path="x" * 300 + ".png", content_type=PNG, size=10),
        DeclaredPhoto(path="a/", content_type=PNG, size=10),
        DeclaredPhoto(path="b.png", content_type="image/jpg", size=0),
        DeclaredPhoto(path="c.pdf", content_type="application/pdf", size=51 * 1024 * 1024),
        DeclaredPhoto(path="day 1/d.png", content_type=PNG, size=10),
        DeclaredPhoto(path="day 2/d.png", content_type=PNG, size=10),
        DeclaredPhoto(path="day 1/d.png", content_type=PNG, size=10),
        DeclaredPhoto(path="e\x07.png", content_type=PNG, size=10),
        DeclaredPhoto(path="a/..", content_type=PNG, size=10),
        DeclaredPhoto(path="f\udcff.png", content_type=PNG, size=10),
        DeclaredPhoto(path="day 1/" * 100 + "g.png", content_type=PNG, size=10),
    ]

    with (
        pytest.raises(InvalidValuesError) as error,
        batches.creating(
            user=user,
            scope=OwnerScope(user_id=user.pk),
            settings=batches.BatchSettings(),
            photos=invalid_photos,
            now=timezone.now(),
        ),
    ):
        pass

    assert issues(error.value) == [
        (0, "filename", "string_too_long"),
        (1, "filename", "file_name"),
        (2, "content_type", "content_type_not_allowed"),
        (2, "file_size", "file_too_small"),
        (3, "content_type", "image_required"),
        (3, "file_size", "file_too_large"),
        (7, "filename", "file_name"),
        (8, "filename", "file_name"),
        (9, "filename", "file_name"),
        (10, "filename", "string_too_long"),
        (6, "filename", "duplicate"),
    ]
    assert not PhotoBatch.objects.exists()
    assert not Upload.objects.exists()


def add(user: User, batch: PhotoBatch, *paths: str) -> list[MatchedPhoto]:
    return batches.add(
        user=user, batch_id=batch.pk, photos=declarations_of(photos(*paths)), now=timezone.now()
    )


def test_photos_are_added_until_the_batch_is_full(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MAX_PHOTOS", 3)
    batch, _ = create(user, photos("a.png"))

    add(user, batch, "b.png", "c.png")
    with pytest.raises(TooManyPhotosError):
        add(user, batch, "d.png")
    with pytest.raises(InvalidValuesError) as excinfo:
        add(user, batch, "a.png")

    assert issues(excinfo.value) == [(0, "filename", "duplicate")]
    assert list(outcomes(batch)) == ["a.png", "b.png", "c.png"]


def test_an_ended_batch_takes_no_photos(user: User) -> None:
    batch, matched = create(user, photos("a.png"))
    lifecycle.cancel(user=user, batch_id=batch.pk)

    with pytest.raises(PhotoBatchEndedError):
        add(user, batch, "a.png")  # although the batch has a photo with this path
    with pytest.raises(PhotoBatchEndedError):
        lifecycle.start(user=user, batch_id=batch.pk, now=timezone.now())
    with pytest.raises(PhotoBatchEndedError):
        tickets.issue_again(
            user=user, batch_id=batch.pk, photo_ids=[matched[0].photo.pk], now=timezone.now()
        )

    assert outcomes(batch) == {"a.png": "cancelled"}


def test_other_users_find_nothing(user: User) -> None:
    batch, [row] = create(user, photos("a.png"))
    other_user = UserFactory.create()

    with pytest.raises(PhotoBatchNotFoundError):
        add(other_user, batch, "b.png")
    with pytest.raises(PhotoBatchNotFoundError):
        choose(other_user, batch, row.photo, skip=True)
    with pytest.raises(PhotoBatchNotFoundError):
        lifecycle.cancel(user=other_user, batch_id=batch.pk)


def choose(user: User, batch: PhotoBatch, row: PhotoFile, **values: object) -> PhotoFile:
    return choices.choose(
        user=user,
        batch_id=batch.pk,
        photo_id=row.pk,
        choice=Choice(**values),  # type: ignore[arg-type]  # any value
        now=timezone.now(),
    )
