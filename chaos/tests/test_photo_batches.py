"""The checker notices each kind of broken promise of photo batches."""

import pytest
from django.utils import timezone

from bulkupload.models import PhotoBatch, PhotoFile
from catalog.models import Product
from chaos.checker.violations import Problem
from chaos.ledger import ExpectedBatch, ExpectedProduct
from chaos.tests.conftest import DIGEST, State
from media.models import Attachment, MediaResource

COPY_OF_BATCH = """
CREATE TEMP TABLE copied ON COMMIT DROP AS SELECT * FROM bulkupload_photobatch;
UPDATE copied SET id = '{new}'; INSERT INTO bulkupload_photobatch SELECT * FROM copied
"""
COPY_OF_FILE = """
ALTER TABLE bulkupload_photofile DROP CONSTRAINT photo_file_once_per_batch;
CREATE TEMP TABLE copied ON COMMIT DROP AS
    SELECT * FROM bulkupload_photofile WHERE status = 'READY';
UPDATE copied SET id = '{new}'; INSERT INTO bulkupload_photofile SELECT * FROM copied
"""
SECOND_ATTACHMENT = """
INSERT INTO media_attachment
    (id, created_at, updated_at, resource_id, entity_type, entity_id, slot, position)
SELECT '{new}', now(), now(), resource_id, entity_type, entity_id, 'images', 0
FROM media_attachment WHERE entity_id = '{shoe}'
"""
CHANGES = [
    (
        Problem.LOST,
        "is gone",
        "DELETE FROM bulkupload_photofile; DELETE FROM bulkupload_photobatch",
    ),
    (Problem.LOST, "is CANCELLED", "UPDATE bulkupload_photobatch SET status = 'CANCELLED'"),
    (
        Problem.LOST,
        "file SHOE_front.jpg",
        """
        UPDATE bulkupload_photofile SET status = 'FAILED', failure_code = 'never_sent'
        WHERE status = 'READY'
        """,
    ),
    (
        Problem.LOST,
        "file SHOE_front.jpg",
        "UPDATE bulkupload_photofile SET status = 'SKIPPED' WHERE status = 'READY'",
    ),
    (Problem.LOST, "file SHOE_front.jpg", "UPDATE bulkupload_photofile SET resource_id = NULL"),
    (
        Problem.LOST,
        "file nothing.jpg",
        "UPDATE bulkupload_photofile SET failure_code = 'cancelled' WHERE status = 'FAILED'",
    ),
    (Problem.LOST, "file nothing.jpg", "DELETE FROM bulkupload_photofile WHERE status = 'FAILED'"),
    (
        Problem.LOST,
        "photo cover_image of SHOE",
        "DELETE FROM media_attachment WHERE entity_id = '{shoe}'",
    ),
    (Problem.DOUBLED, "file SHOE_front.jpg", COPY_OF_FILE),
    (
        Problem.DOUBLED,
        "file other.jpg",
        COPY_OF_FILE.replace("SET id", "SET path = 'other.jpg', id"),
    ),
    (Problem.DOUBLED, "photo images[0] of SHOE", SECOND_ATTACHMENT),
    (Problem.DOUBLED, "two photo batches of one request", COPY_OF_BATCH),
    (
        Problem.STUCK,
        "photo batch not ended",
        "UPDATE bulkupload_photobatch SET status = 'OPEN', finished_at = NULL",
    ),
    (
        Problem.STUCK,
        "file of a photo batch still waiting",
        "UPDATE bulkupload_photofile SET status = 'INGESTED' WHERE status = 'READY'",
    ),
    (
        Problem.STUCK,
        "lease still held: row file of a batch",
        "UPDATE bulkupload_photofile SET lease_expires_at = now() + interval '1 hour'",
    ),
]


@pytest.fixture
def state(state: State) -> State:
    """A batch that has ended: one file is attached, one was refused."""
    photo = MediaResource.objects.get()
    owner_fields = {"user": photo.user, "organization": photo.organization}
    shoe = Product.objects.create(**owner_fields, name="Shoe", sku="SHOE")
    Attachment.objects.create(
        resource=photo, entity_type="PRODUCT", entity_id=shoe.pk, slot="cover_image"
    )
    now = timezone.now()
    batch = PhotoBatch.objects.create(
        **owner_fields, name="batch", status="DONE", last_arrival_at=now, finished_at=now
    )
    file = {"batch": batch, "content_type": "image/jpeg", "file_size": 7}
    PhotoFile.objects.create(
        **file, path="SHOE_front.jpg", status="READY", resource_id=photo.pk, finished_at=now
    )
    PhotoFile.objects.create(
        **file, path="nothing.jpg", status="FAILED", failure_code="no_product", finished_at=now
    )
    product = ExpectedProduct(str(shoe.pk), shoe.name, {("cover_image", None): DIGEST})
    state.ledger.add_photo_batch(
        ExpectedBatch(
            str(batch.pk),
            batch.name,
            {"SHOE_front.jpg": DIGEST},
            {"nothing.jpg": "no_product"},
            [product],
        )
    )
    state.ids["shoe"] = str(shoe.pk)
    return state


def test_a_correct_batch_has_no_violations(state: State) -> None:
    assert state.violations() == []


@pytest.mark.parametrize(("problem", "part", "sql"), CHANGES)
def test_a_changed_row_is_noticed(state: State, problem: Problem, part: str, sql: str) -> None:
    state.execute(sql)

    assert [text for text in state.texts(problem) if part in text]


def test_an_unfinished_batch_is_stuck_but_not_lost(state: State) -> None:
    state.execute(
        "UPDATE bulkupload_photobatch SET status = 'RUNNING', finished_at = NULL;"
        "UPDATE bulkupload_photofile SET status = 'UPLOADED' WHERE status = 'READY';"
        "DELETE FROM media_attachment WHERE entity_id = '{shoe}'"
    )

    assert {item.problem for item in state.violations()} == {Problem.STUCK}
