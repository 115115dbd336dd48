"""An object that is stored before its row: a crash leaves both, or a queued deletion."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from media.errors import StoreUnavailableError
from media.models import Bucket, DeletionReason, ObjectDeletion
from media.services import deletions, stored_objects
from media.services.stored_objects import StoredObject, StoringTooSlowError
from media.storage import ObjectHeaders, private_store, public_store
from media.storage.testing.memory import MemoryStore
from sartiq.core.errors import InvalidError
from sartiq.core.work.retry_policy import RetryRowError

pytestmark = pytest.mark.django_db

KEY = "bulk/any/table.csv"
HEADERS = ObjectHeaders(content_type="text/csv")


def put_object() -> StoredObject:
    return stored_objects.put(private_store(), KEY, b"sku", headers=HEADERS)


def an_hour_later() -> None:
    ObjectDeletion.objects.update(run_after=F("run_after") - timedelta(hours=1))
    deletions.perform_due()


def has_object() -> bool:
    return [listing.key for listing in private_store().list("bulk/")] == [KEY]


def test_an_object_without_a_row_is_deleted_after_an_hour(memory: MemoryStore) -> None:
    put_object()

    deletions.perform_due()
    assert has_object()
    an_hour_later()

    assert not has_object()


def test_the_deletion_is_queued_before_the_object_is_stored(memory: MemoryStore) -> None:
    def fail(operation: str, _key: str) -> None:
        assert operation == "put"
        assert ObjectDeletion.objects.filter(bucket=Bucket.PRIVATE, key=KEY).count() == 1
        raise StoreUnavailableError

    memory.before = fail

    with pytest.raises(StoreUnavailableError):
        stored_objects.put(memory, KEY, b"sku", headers=HEADERS)

    deletion = ObjectDeletion.objects.get()
    assert (deletion.key, deletion.reason) == (KEY, DeletionReason.EXPIRED)
    assert deletion.attempts == 0


def test_an_object_whose_row_was_saved_stays(memory: MemoryStore) -> None:
    stored_object = put_object()
    assert (stored_object.key, stored_object.size) == (KEY, 3)
    assert stored_object.etag == private_store().head(KEY).etag

    with transaction.atomic():
        stored_object.cancel_deletion()

    an_hour_later()
    assert has_object()
    assert not ObjectDeletion.objects.exists()


def test_an_object_whose_row_was_rolled_back_is_deleted(memory: MemoryStore) -> None:
    stored_object = put_object()

    with transaction.atomic():
        stored_object.cancel_deletion()
        transaction.set_rollback(True)

    an_hour_later()
    assert not has_object()


@pytest.mark.parametrize("state", ["attempted", "dead", "performed"])
def test_a_deletion_that_has_begun_is_not_cancelled(memory: MemoryStore, state: str) -> None:
    stored_object = put_object()
    if state == "performed":
        an_hour_later()
    else:
        ObjectDeletion.objects.update(attempts=1, dead=state == "dead", updated_at=Now())

    with pytest.raises(StoringTooSlowError) as excinfo, transaction.atomic():
        stored_object.cancel_deletion()

    assert excinfo.value.detail == "Storing the file took too long. Send it again."


def test_storing_too_slowly_is_a_422_for_a_client_and_a_retry_for_a_worker() -> None:
    error = StoringTooSlowError()

    assert isinstance(error, InvalidError)
    assert error.issues[0].message == "Storing the file took too long. Send it again."
    assert isinstance(error, RetryRowError)
    assert error.after is None


def test_the_bucket_and_the_reason_can_be_chosen(memory: MemoryStore) -> None:
    stored_object = stored_objects.put(
        public_store(),
        "media/any.webp",
        b"thumbnail",
        headers=ObjectHeaders(content_type="image/webp"),
        bucket=Bucket.PUBLIC,
        reason=DeletionReason.ORPHANED,
    )

    deletion = ObjectDeletion.objects.get()
    assert (deletion.bucket, deletion.reason) == (Bucket.PUBLIC, DeletionReason.ORPHANED)
    stored_object.cancel_deletion()
    assert not ObjectDeletion.objects.exists()
